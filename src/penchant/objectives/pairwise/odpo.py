"""DPO with an Offset (ODPO): the target margin grows with the difference of the scores."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import offset_logistic

__all__ = ["ODPO"]

#: The lower bound of score differences under the logarithm; it gives an offset of −13.8 α.
_LEAST = 1e-6


class ODPO(Objective):
    """DPO with an Offset (Amini, Vieira, Cotterell, 2024).

    loss = −log σ(β (Δ_chosen − Δ_rejected) − offset),   offset = α g(score_chosen − score_rejected)

    Δ = log π(y|x) − log π_ref(y|x), summed over tokens (nats). The scores are the record's ``chosen_score`` and
    ``rejected_score``; if the record has a ``margin``, that is the offset. g is the logarithm, as in the paper and its
    published code (α = 1), or the identity. Under the logarithm, score differences below 1 (in units of the scores)
    have a negative offset. Differences at or below zero, where the logarithm is undefined, count as 10⁻⁶: such a pair
    has almost no effect. The paper sweeps β; the default is that of DPO.

    Raises:
        ConfigurationError: a record has neither a margin nor both scores.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> scores = {"chosen_score": torch.tensor([9.0]), "rejected_score": torch.tensor([8.0])}
        >>> ODPO()(chosen=equal, rejected=equal, **scores).values  # log 1 = 0: DPO
        tensor([0.6931])

    Reference:
        Amini, Vieira, Cotterell (2024), Direct Preference Optimization with an Offset.
    """

    id = "odpo"
    paper = "arXiv:2402.10571"
    evidence = PAPER
    tags = ("margin", "scores")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    alpha: Annotated[float, Ge(0), "factor α from score differences to reward differences"] = 1.0
    transform: Annotated[Literal["log", "identity"], "function g of the score difference"] = "log"

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        margin: Tensor | None = None,
        chosen_score: Tensor | None = None,
        rejected_score: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its ``offset``."""
        offset = self._offset(chosen_score, rejected_score) if margin is None else margin
        return offset_logistic(chosen, rejected, self.beta, offset), {"offset": offset}

    def _offset(self, chosen_score: Tensor | None, rejected_score: Tensor | None) -> Tensor:
        if chosen_score is None or rejected_score is None:
            raise ConfigurationError(
                "A pair has neither the field 'margin' nor both 'chosen_score' and 'rejected_score'.",
                where="objective odpo",
                why="The offset is computed from the scores or the margin.",
                fix="Add the columns, or use dpo, which has no offset.",
            )
        difference = chosen_score - rejected_score
        return self.alpha * (difference.clamp(min=_LEAST).log() if self.transform == "log" else difference)
