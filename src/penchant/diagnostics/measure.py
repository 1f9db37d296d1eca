"""Diagnosing a model on a file of comparisons: every figure of this floor that needs model, reference and pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from penchant.diagnostics.displacement import three_d_properties, undesirable_space
from penchant.diagnostics.entanglement import PULLS
from penchant.diagnostics.generalization import compare_rewards
from penchant.diagnostics.gradients import Pair, pair_entanglement, token_agreement
from penchant.diagnostics.ranking import alignment_gap, difficulty, idealized_accuracy, ranked_right
from penchant.errors import ConfigurationError, DataError, nearest
from penchant.evaluation.rows import ScoredRows
from penchant.evaluation.scoring import score
from penchant.feedback.collection import Feedback
from penchant.feedback.reading import read
from penchant.forest.encoding import Encoder
from penchant.likelihood.context import length_limit
from penchant.likelihood.loading import load_model
from penchant.rendering.rendering import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rendering.truncation import Truncation
from penchant.rewards.models import RewardModel

__all__ = ["MEANINGS", "Findings", "Plan", "diagnose", "pair_figures"]

Progress = Callable[[str, int, int], None]

#: What each figure says, by its name; names with a set in them by their beginning.
MEANINGS = {
    "ranking/model": "pairs ranked right by log-probability, summed over tokens",
    "ranking/model_mean": "the same by the mean per token",
    "ranking/reference": "the reference's accuracy, sums",
    "ranking/reference_mean": "the reference's accuracy, means",
    "ranking/ideal": "what a perfect optimiser would reach at this beta",
    "ranking/alignment_gap": "ideal minus the model's accuracy, sums",
    "ranking/loss": "DPO loss, nats",
    "ranking/threshold": "median loss below which a pair that is ranked wrong would turn, nats",
    "ranking/flippable": "share ranked wrong now that would be right at the mean loss",
    "space/share_undesirable": "DPO is content, yet the rejected response is likelier (per token)",
    "space/share_reference_below_gamma": "pairs that Constrained PO would hold to a higher margin",
    "3d/logp_chosen": "mean log-probability of chosen responses, nats",
    "3d/logp_rejected": "mean log-probability of rejected responses, nats",
    "3d/log_ratio": "log of how much likelier the chosen response is, nats",
    "3d/share_chosen_below_reference": "chosen responses less likely than under the reference",
    "3d/logp_unseen": "mean log-probability of unseen responses, nats",
    "entanglement/inner_product": "of the two responses' gradients, mean over pairs",
    "entanglement/cosine": "of the two responses' gradients",
    "entanglement/norm_chosen": "of the chosen response's gradient",
    "entanglement/norm_rejected": "of the rejected response's gradient",
    "entanglement/condition": "above 1 a step moves both responses the same way",
    "entanglement/share_desired": "a step raises the chosen, lowers the rejected response",
    "entanglement/share_both_up": "a step raises both",
    "entanglement/share_both_down": "a step lowers both",
    "tokens/cosine_equal": "of the gradients of single tokens that are the same",
    "tokens/cosine_different": "of the gradients of single tokens that differ",
    "explicit/": "accuracy of the reward model",
    "implicit/": "accuracy of the implicit reward",
    "drop/": "explicit minus implicit accuracy on shifted sets",
}


@dataclass(frozen=True)
class Findings:
    """What a diagnosis found.

    Args:
        pairs: how many pairs the figures are of.
        figures: numbers by name.
        notes: what a person should know to read them.

    Example:
        >>> Findings(1, {"ranking/model": 1.0}).meaning("ranking/model")
        'pairs ranked right by log-probability, summed over tokens'
    """

    pairs: int
    figures: dict[str, float]
    notes: list[str] = field(default_factory=list)

    def meaning(self, name: str) -> str:
        """What the figure ``name`` says."""
        return MEANINGS.get(name) or MEANINGS.get(f"{name.split('/')[0]}/", "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"pairs": self.pairs, "figures": self.figures, "notes": self.notes}


@dataclass(frozen=True)
class Plan:
    """What a diagnosis looks at.

    Args:
        beta: the β of training, above 0.
        gamma: γ of the undesirable space, nats per token.
        agreement: share of annotators who prefer the chosen response, for records without a field ``probability``;
            where absent their labels count as sure.
        entangled: of how many pairs gradients are taken; 0 for none.
        token_pairs: of how many pairs gradients of single tokens are taken: slow, for short responses.
        form: of the loss whose steps are looked at: ``sum``, ``mean``, ``dpop`` or ``nll``.

    Raises:
        ConfigurationError: one is out of range; said before any model is loaded.

    Example:
        >>> Plan(entangled=8).beta
        0.1
    """

    beta: float = 0.1
    gamma: float = 0.05
    agreement: float | None = None
    entangled: int = 0
    token_pairs: int = 0
    form: str = "sum"

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise ConfigurationError(f"beta is {self.beta}; expected a number above 0.")
        if self.agreement is not None and not 0 <= self.agreement <= 1:
            raise ConfigurationError(f"agreement is {self.agreement}; expected a share from 0 to 1.")
        if self.form not in PULLS:
            raise ConfigurationError(f"There is no form of loss {self.form!r}.", fix=nearest(self.form, PULLS))


def diagnose(
    model: str | Path,
    data: Any,
    reference: str | Path,
    plan: Plan | None = None,
    *,
    unseen: Any = None,
    reward_model: str | Path | None = None,
    shifted: Sequence[str | Path] = (),
    progress: Progress | None = None,
    reading: Mapping[str, Any] | None = None,
    **options: Any,
) -> Findings:
    """Diagnose a policy on comparisons: ranking, difficulty, displacement, entanglement, generalisation.

    Args:
        model: folder or hub id of the policy.
        data: comparisons, as for `read`; a field ``probability`` is the share of annotators who prefer the chosen one.
        reference: folder or hub id of the reference.
        plan: what to look at.
        unseen: further feedback, whose responses count as unseen.
        reward_model: folder or hub id of an explicit reward model, to compare the implicit reward with.
        shifted: further files of comparisons, unlike the training data.
        progress: called with what is done, steps done and steps in all.
        reading: ``mapping``, ``split`` and ``on_bad`` of the data, as for `read`; of further files all but the split.
        **options: as for `score`: ``chat_template``, ``max_length``, ``truncation``.

    Returns:
        Figures by name; `MEANINGS` says what each is.

    Raises:
        PenchantError: a model or the data cannot be used.
    """
    # All files are read before a model is: a bad line must not be found out after the work.
    plan, asked = plan or Plan(), dict(reading or {})
    sets = {"data": _comparisons(read(data, **asked))}
    asked.pop("split", None)
    sets |= {Path(each).name: _comparisons(read(each, **asked)) for each in shifted}
    further = None if unseen is None else read(unseen, on_bad=asked.get("on_bad", "stop"))
    judge = None if reward_model is None else RewardModel(str(reward_model))
    policy, tokenizer, reference = load_model(model), load_tokenizer(model), load_model(reference)

    def scored(title: str, records: Feedback, beside: Any = None) -> ScoredRows:
        told = None if progress is None else partial(progress, title)
        return score(policy, records, reference=beside, tokenizer=tokenizer, progress=told, **options)

    responses = None if further is None else _column(scored("unseen", further), "logp")
    rows = {name: scored(name, each, reference) for name, each in sets.items() if name == "data" or judge is not None}
    shares, notes = _shares(sets["data"], rows["data"], plan.agreement)
    figures = pair_figures(rows["data"], shares, beta=plan.beta, gamma=plan.gamma, unseen=responses)
    figures |= _gradients(policy, partial(_pairs, policy, tokenizer, sets["data"], options), plan, progress)
    if judge is not None:
        figures |= _rewards(judge, {name: (each, rows[name]) for name, each in sets.items()})
    return Findings(len(rows["data"]), figures, notes)


def _gradients(
    policy: Any, first_pairs: Callable[[int], list[Pair]], plan: Plan, progress: Progress | None
) -> dict[str, float]:
    """What the gradients of the first pairs have in common."""
    figures = {}
    if plan.entangled:
        told = None if progress is None else partial(progress, "entanglement")
        found = pair_entanglement(policy, first_pairs(plan.entangled), form=plan.form, progress=told)
        figures.update({f"entanglement/{name}": value for name, value in found.summary().items()})
    if plan.token_pairs:
        agreed = token_agreement(policy, first_pairs(plan.token_pairs))
        figures.update({f"tokens/{name}": value for name, value in agreed.items()})
    return figures


def pair_figures(
    rows: ScoredRows, shares: Tensor, *, beta: float, gamma: float, unseen: Tensor | None = None
) -> dict[str, float]:
    """Every figure that follows from the log-probabilities of pairs alone.

    Args:
        rows: B comparisons, scored with a reference.
        shares: [B] share of annotators who prefer the chosen response.
        beta: the β of training.
        gamma: γ of the undesirable space.
        unseen: [U] log-probabilities of unseen responses, nats.

    Returns:
        Numbers by name.
    """
    chosen, rejected = (
        {name: _column(rows, name, side) for name in ("logp", "mean_logp", "logratio", "tokens")} for side in (0, 1)
    )
    before = [side["logp"] - side["logratio"] for side in (chosen, rejected)]
    per_token = [value / side["tokens"] for value, side in zip(before, (chosen, rejected), strict=True)]
    policy, reference = chosen["logp"] - rejected["logp"], before[0] - before[1]
    observed, ideal = ranked_right(chosen["logp"], rejected["logp"]), idealized_accuracy(reference, shares, beta)
    hard = difficulty(policy, reference, beta)
    ranking = {
        "model": observed,
        "model_mean": ranked_right(chosen["mean_logp"], rejected["mean_logp"]),
        "reference": ranked_right(*before),
        "reference_mean": ranked_right(*per_token),
        "ideal": ideal,
        "loss": hard.loss,
        "flippable": hard.flippable.double(),
    }
    figures = {f"ranking/{name}": float(values.mean()) for name, values in ranking.items()}
    if not bool(hard.right.all()):
        figures["ranking/threshold"] = float(hard.threshold[~hard.right].median())
    figures["ranking/alignment_gap"] = alignment_gap(ideal, observed)
    means = chosen["mean_logp"] - rejected["mean_logp"], per_token[0] - per_token[1]
    space = undesirable_space(*means, gamma)
    moved = three_d_properties(chosen["logp"], rejected["logp"], chosen["logratio"], unseen)
    return figures | {f"space/{k}": v for k, v in space.items()} | {f"3d/{k}": v for k, v in moved.items()}


def _comparisons(feedback: Feedback) -> Feedback:
    if feedback.kind != "comparison":
        raise DataError(
            f"The feedback is of kind {feedback.kind!r}; a diagnosis needs comparisons.",
            where=feedback.name,
            fix="Give a file with prompt, chosen and rejected.",
        )
    return feedback


def _column(rows: ScoredRows, name: str, side: int | None = None) -> Tensor:
    """One number of every response, or of every record's response ``side``."""
    taken = [row["responses"] if side is None else [row["responses"][side]] for row in rows.rows]
    return torch.tensor([each[name] for responses in taken for each in responses], dtype=torch.float64)


def _shares(feedback: Feedback, rows: ScoredRows, agreement: float | None) -> tuple[Tensor, list[str]]:
    """The annotators' share for each scored record, and what is to be said of those of which nothing is known."""
    told = {str(record.source): record.fields.get("probability", agreement) for record in feedback}
    found = [told[row["source"]] for row in rows.rows]
    sure, notes = sum(share is None for share in found), []
    if sure:
        notes.append(
            f"{sure} of {len(found)} records name no probability: their labels count as sure, so the ideal policy "
            "ranks them right. State another share with --agreement."
        )
    return torch.tensor([1.0 if share is None else share for share in found], dtype=torch.float64), notes


def _pairs(policy: Any, tokenizer: Any, feedback: Feedback, options: Mapping[str, Any], count: int) -> list[Pair]:
    """The first pairs as token sequences, as scoring sees them."""
    renderer = Renderer(tokenizer, chat_template=options.get("chat_template"))
    limit = length_limit("", policy, tokenizer, options.get("max_length"))
    encoder = Encoder(renderer, ["responses"], truncation=Truncation(limit, options.get("truncation", "prompt_left")))
    # A few records more than asked for stand ready for those that truncation drops; a whole file would be waste.
    encoded = encoder.encode(feedback.records[: 2 * count + 8])
    return [(each.views["responses"][0], each.views["responses"][1]) for each in encoded.examples[:count]]


def _rewards(judge: RewardModel, sets: Mapping[str, tuple[Feedback, ScoredRows]]) -> dict[str, float]:
    """Accuracy of explicit and implicit rewards on every set, on the same records."""
    explicit, implicit = {}, {}
    for name, (feedback, rows) in sets.items():
        taken = {row["source"] for row in rows.rows}
        kept = [record for record in feedback if str(record.source) in taken]
        given = torch.tensor([judge.score(each.prompt, each.responses) for each in kept], dtype=torch.float64)  # type: ignore[arg-type]
        explicit[name] = (given[:, 0], given[:, 1])
        implicit[name] = (_column(rows, "logratio", 0), _column(rows, "logratio", 1))
    found = compare_rewards(explicit, implicit, next(iter(sets)))
    figures = {f"explicit/{name}": value for name, value in found.explicit.items()}
    figures |= {f"implicit/{name}": value for name, value in found.implicit.items()}
    if found.drops:
        figures |= {"drop/mean": found.mean_drop, "drop/max": found.max_drop}
    return figures
