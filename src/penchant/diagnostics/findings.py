"""`Plan` and `Findings` of a diagnosis, and the meaning of each figure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from penchant.diagnostics import coverage, length
from penchant.diagnostics.entanglement import PULLS
from penchant.errors import ConfigurationError, nearest

__all__ = ["MEANINGS", "Findings", "Plan"]

#: The meaning of each figure by name; for names that contain a data set, by prefix.
MEANINGS = {
    "ranking/model": "pairs ranked right by log-probability, summed over tokens",
    "ranking/model_mean": "the same by the mean per token",
    "ranking/reference": "the reference's accuracy, sums",
    "ranking/reference_mean": "the reference's accuracy, means",
    "ranking/ideal": "what a perfect optimiser would reach at this beta",
    "ranking/alignment_gap": "ideal minus the model's accuracy, sums",
    "ranking/loss": "DPO loss, nats",
    "ranking/threshold": "median loss below which a wrongly ranked pair flips, nats",
    "ranking/flippable": "share of pairs ranked wrong that would be right at the mean loss",
    "space/share_undesirable": "better than the reference, yet the rejected response is more likely (per token)",
    "space/share_reference_below_gamma": "pairs for which Constrained PO demands a higher margin",
    "3d/logp_chosen": "mean log-probability of chosen responses, nats",
    "3d/logp_rejected": "mean log-probability of rejected responses, nats",
    "3d/log_ratio": "mean of log π(chosen) − log π(rejected), nats",
    "3d/share_chosen_below_reference": "chosen responses that are less likely than under the reference",
    "3d/logp_unseen": "mean log-probability of unseen responses, nats",
    "entanglement/inner_product": "inner product of the two responses' gradients, mean over pairs",
    "entanglement/cosine": "cosine of the two responses' gradients",
    "entanglement/norm_chosen": "norm of the chosen response's gradient",
    "entanglement/norm_rejected": "norm of the rejected response's gradient",
    "entanglement/condition": "above 1, a step moves both responses in the same direction",
    "entanglement/share_desired": "a step raises the chosen and lowers the rejected response",
    "entanglement/share_both_up": "a step raises both",
    "entanglement/share_both_down": "a step lowers both",
    "tokens/cosine_equal": "cosine of the gradients of equal tokens",
    "tokens/cosine_different": "cosine of the gradients of different tokens",
    "explicit/": "accuracy of the reward model",
    "implicit/": "accuracy of the implicit reward",
    "drop/": "explicit minus implicit accuracy on shifted sets",
}


@dataclass(frozen=True)
class Findings:
    """The findings of a diagnosis.

    Args:
        pairs: number of pairs.
        figures: numbers by name.
        notes: caveats for reading the figures.
        per_pair: the difficulty of each pair, see `pair_table`.
        texts: prompt, chosen and rejected response by the ``source`` of a row of ``per_pair``; not part of `as_dict`.

    Example:
        >>> Findings(1, {"ranking/model": 1.0}).meaning("ranking/model")
        'pairs ranked right by log-probability, summed over tokens'
    """

    pairs: int
    figures: dict[str, float]
    notes: list[str] = field(default_factory=list)
    per_pair: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def meaning(self, name: str) -> str:
        """The meaning of the figure ``name``."""
        known = MEANINGS | length.MEANINGS | coverage.MEANINGS
        return known.get(name) or known.get(f"{name.split('/')[0]}/", "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"pairs": self.pairs, "figures": self.figures, "notes": self.notes, "per_pair": self.per_pair}


@dataclass(frozen=True)
class Plan:
    """The settings of a diagnosis.

    Args:
        beta: the β of training, above 0.
        gamma: γ of the undesirable space, nats per token.
        agreement: share of annotators who prefer the chosen response, for records without a field ``probability``;
            default: their labels count as certain.
        entangled: number of pairs whose gradients are computed; 0 for none.
        token_pairs: number of pairs whose token gradients are computed; slow, only for short responses.
        form: form of the loss for gradient entanglement: ``sum``, ``mean``, ``dpop`` or ``nll``.
        sampled: number of prompts that the policy answers, for its divergence from the reference; 0 for none.

    Raises:
        ConfigurationError: a setting is out of range; raised before any model is loaded.

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
    sampled: int = 0

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise ConfigurationError(f"beta is {self.beta}; expected a number above 0.")
        if self.agreement is not None and not 0 <= self.agreement <= 1:
            raise ConfigurationError(f"agreement is {self.agreement}; expected a share from 0 to 1.")
        if self.form not in PULLS:
            raise ConfigurationError(f"There is no form of loss {self.form!r}.", fix=nearest(self.form, PULLS))
