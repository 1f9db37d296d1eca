"""Names of papers that are settings of a recipe, or that stand for something else than they seem to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PAPER_NAMES", "PaperName"]


@dataclass(frozen=True)
class PaperName:
    """A name that a paper uses.

    Args:
        means: what the paper calls so.
        recipe: the packaged recipe that it is; empty where no recipe is.
        keys: what is changed in the recipe, as the command line writes it.
        differs: what else has the same name, or nearly.
    """

    means: str
    recipe: str = ""
    keys: tuple[str, ...] = ()
    differs: str = ""

    @property
    def command(self) -> str:
        """The command that runs it; empty where no recipe does."""
        return " ".join(["penchant online", self.recipe, *self.keys]) if self.recipe else ""


#: What each name stands for.
PAPER_NAMES: dict[str, PaperName] = {
    "raft": PaperName("Reward-ranked fine-tuning (Dong et al., 2023, arXiv:2304.06767).", "rejection-sampling"),
    "rft": PaperName(
        "Rejection-sampling fine-tuning that keeps every good response (Yuan et al., 2023, arXiv:2308.01825).",
        "rejection-sampling",
        ("'pairing={name: above, threshold: 1.0}'",),
    ),
    "rest": PaperName(
        "Reinforced self-training (Gulcehre et al., 2023, arXiv:2308.08998): every response above a threshold.",
        "rejection-sampling",
        ("'pairing={name: above, threshold: 0.5}'",),
    ),
    "oaif": PaperName("Online AI feedback (Guo et al., 2024, arXiv:2402.04792).", "online-dpo"),
    "online-ipo": PaperName(
        "Online DPO with the IPO loss (Guo et al., 2024, arXiv:2402.04792).",
        "online-dpo",
        ("'objective={name: ipo, average_log_prob: false, beta: 1.0}'",),
        differs="`egpo` with step_rule=plain is the online IPO that EGPO is compared with.",
    ),
    "online-slic": PaperName(
        "Online DPO with the hinge loss (Guo et al., 2024, arXiv:2402.04792).",
        "online-dpo",
        ("'objective={name: slic-hinge, beta: 0.002}'",),
    ),
    "rlhf-workflow": PaperName(
        "Iterative DPO as released with RLHF Workflow (Dong et al., 2024, arXiv:2405.07863); its five pair rules go "
        "by their names, too: pairing=best_worst (max_min), best_other (max_random), best_second (max_max), first_two "
        "(random), and best_worst with pairing.length_penalty (max_min_p).",
        "iterative-dpo",
    ),
    "apo": PaperName(
        "Accelerated Preference Optimization (He et al., 2024, arXiv:2410.06293).",
        "apo-nesterov",
        differs="`apo-zero` and `apo-down` are Anchored Preference Optimization, losses on fixed pairs.",
    ),
    "accelerated-sppo": PaperName(
        "Accelerated Preference Optimization around SPPO (arXiv:2410.06293).",
        "sppo",
        ("reference=nesterov", "reference_rate=0.3"),
    ),
    "spo": PaperName(
        "Self-play preference optimization, the minimaximalist approach (Swamy et al., 2024, arXiv:2401.04056).",
        "spo-minimax",
        differs="`spo-degree` is another SPO, a loss on fixed pairs; `sppo` is a third method.",
    ),
    "iterative-rpo": PaperName(
        "Iterative Reasoning Preference Optimization (Pang et al., 2024, arXiv:2404.19733): DPO and the likelihood of "
        "the right response, on pairs of right and wrong reasoning of the policy's own.",
        "iterative-dpo",
        (
            "objective=dpo+nll",
            "pairing=right_wrong",
            "samples_per_prompt=30",
            "iterations=4",
            "temperature=0.8",
        ),
    ),
    "online-gpo": PaperName(
        "General Preference Optimization (Zhang et al., 2024, arXiv:2410.02197): SPPO's regression on the mean score "
        "of a response over all samples of its prompt, such as a model trained with `gpm` gives.",
        "sppo",
        ("objective=gpo", "pairing.scores=lead"),
    ),
    "spa": PaperName(
        "Spread Preference Annotation, Selfie's later name (Kim et al., 2024, arXiv:2406.04412).", "selfie"
    ),
    "gkd": PaperName(
        "Generalized Knowledge Distillation (Agarwal et al., 2024, arXiv:2306.13649).", "on-policy-distillation"
    ),
    "self-consuming": PaperName(
        "Self-consuming training on curated data (Ferbach et al., 2024, arXiv:2407.09499).", "curated-retraining"
    ),
    "dataset-reset": PaperName("Dataset Reset Policy Optimization (Chang et al., 2024, arXiv:2404.08495).", "dr-po"),
    "reinforce++": PaperName("REINFORCE++ (Hu, 2025, arXiv:2501.03262).", "reinforce-pp"),
    "reinforce++-baseline": PaperName("REINFORCE++ with baseline (arXiv:2501.03262).", "reinforce-pp-baseline"),
    "ddim-inpo": PaperName(
        "Inversion preference optimization of diffusion models, which trains on pairs of images.",
        differs="`inpo` is Iterative Nash Policy Optimization, an online recipe.",
    ),
    "visual-rft": PaperName(
        "Visual reinforcement fine-tuning (Liu et al., 2025, arXiv:2503.01785): its rewards of boxes and classes are "
        "penchant.rewards.visual; the loop is GRPO. Its model of images is not trained here.",
        differs="`vision-r1` has other rewards over the same kind of answers.",
    ),
    "vision-r1": PaperName(
        "Vision-R1 (Zhan et al., 2025, arXiv:2503.18013): its criteria are penchant.rewards.visual; the loop is GRPO. "
        "Its model of images is not trained here.",
        differs="`visual-rft` has other rewards over the same kind of answers.",
    ),
}
