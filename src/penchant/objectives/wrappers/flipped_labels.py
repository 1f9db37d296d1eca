"""Wrappers for flipped labels: label smoothing, and an unbiased correction, for any pairwise loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Interval
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Losses, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import PairWrapper

__all__ = ["Smoothed", "Unbiased", "swapped"]

_SIDES = {"chosen": "rejected", "rejected": "chosen"}


def swapped(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a pairwise objective with the label flipped.

    ``chosen`` and ``chosen_…`` swap places with their counterparts, if these exist.

    Args:
        inputs: views and record fields by name.

    Example:
        >>> swapped({"chosen": 1, "rejected": 2, "chosen_score": 3, "rejected_score": 4, "margin": 5})
        {'chosen': 2, 'rejected': 1, 'chosen_score': 4, 'rejected_score': 3, 'margin': 5}
    """

    def counterpart(name: str) -> str:
        side, *rest = name.split("_", 1)
        other = "_".join([_SIDES.get(side, side), *rest])
        return other if other in inputs else name

    return {name: inputs[counterpart(name)] for name in inputs}


class _BothWays(PairWrapper):
    """Base class: a pairwise loss with the given and with the flipped label."""

    def _both(self, inputs: Mapping[str, Any]) -> tuple[Losses, Tensor]:
        """The losses with the given labels, and their values with flipped labels."""
        straight = self.objective.compute(inputs)
        training = self.objective.training
        # State such as running means is updated once, with the given labels.
        self.objective.eval()
        try:
            return straight, self.objective.compute(swapped(inputs)).values
        finally:
            self.objective.train(training)


class Smoothed(_BothWays):
    """Label smoothing of any pairwise loss (Mitchell, 2023, for DPO).

    loss = (1 − ε) loss(chosen, rejected) + ε loss(rejected, chosen)

    ε is the probability that the label is flipped. If records have a ``probability`` that the chosen response is the
    better one, 1 − ε is that probability. ``smoothed(dpo)`` is cDPO.

    Args:
        objective: a pairwise objective.
        hyper: ``label_smoothing``.

    Raises:
        ConfigurationError: the inner objective does not compare pairs, or reads ``probability`` itself.

    Example:
        >>> import torch
        >>> from penchant.objectives import SLiCHinge
        >>> zero = torch.zeros(1, 1)
        >>> up, level = (Scored(zero, reference, zero == 0) for reference in (zero - 1, zero))
        >>> Smoothed(SLiCHinge(beta=1.0), label_smoothing=0.25)(chosen=up, rejected=level).values
        tensor([0.5000])

    Reference:
        Mitchell (2023), A note on DPO with noisy preferences and relationship to IPO.
    """

    id = "smoothed"
    tags = ("noise", "robust", "soft-labels")

    label_smoothing: Annotated[float, Interval(ge=0, le=0.5), "assumed share ε of flipped labels"] = 0.1

    def __init__(self, objective: Objective, **hyper: Any) -> None:
        super().__init__(objective, **hyper)
        if "probability" in objective.requirements.fields:
            raise ConfigurationError(
                f"{objective.id!r} already reads the probability of the label.",
                where=self.id,
                fix="Use it without the wrapper, or smooth an objective that does not read it.",
            )

    def loss(
        self, chosen: Scored, rejected: Scored, probability: Tensor | None = None, **inputs: Any
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The smoothed losses, [B]."""
        straight, flipped = self._both({"chosen": chosen, "rejected": rejected, **inputs})
        right = 1 - self.label_smoothing if probability is None else probability
        return right * straight.values + (1 - right) * flipped, straight.statistics


class Unbiased(_BothWays):
    """Unbiased correction of any pairwise loss for labels flipped at a known rate (Chowdhury et al., 2024, for DPO).

    loss = [(1 − ε) loss(chosen, rejected) − ε loss(rejected, chosen)] / (1 − 2 ε)

    If every label is flipped with probability ε, its expectation is the loss with the true label (Natarajan et al.,
    2013). It may be unbounded below. ``unbiased(dpo)`` is rDPO.

    Args:
        objective: a pairwise objective.
        hyper: ``label_smoothing``.

    Raises:
        ConfigurationError: the inner objective does not compare pairs.

    Example:
        >>> import torch
        >>> from penchant.objectives import DPO
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> Unbiased(DPO(), label_smoothing=0.3)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Chowdhury, Kini, Natarajan (2024), Provably Robust DPO: Aligning Language Models with Noisy Feedback.
    """

    id = "unbiased"
    paper = "arXiv:2403.00409"
    evidence = PAPER
    tags = ("noise", "robust")

    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "assumed share ε of flipped labels"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The corrected losses, [B]."""
        straight, flipped = self._both({"chosen": chosen, "rejected": rejected, **inputs})
        wrong = self.label_smoothing
        return ((1 - wrong) * straight.values - wrong * flipped) / (1 - 2 * wrong), straight.statistics
