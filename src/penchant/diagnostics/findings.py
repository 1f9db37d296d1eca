"""What a diagnosis is asked for, what it finds, and what each figure means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from penchant.diagnostics.entanglement import PULLS
from penchant.errors import ConfigurationError, nearest

__all__ = ["MEANINGS", "Findings", "Plan"]

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
        notes: what must be known to read them.

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
            where absent their labels are taken as certain.
        entangled: of how many pairs gradients are taken; 0 for none.
        token_pairs: of how many pairs gradients of single tokens are taken: slow, for short responses.
        form: of the loss whose steps are analysed: ``sum``, ``mean``, ``dpop`` or ``nll``.

    Raises:
        ConfigurationError: one is out of range; raised before any model is loaded.

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
