"""Self-Play Preference Optimization (SPPO): regression of log-ratios on win rates."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored

__all__ = ["SPPO", "SPPOHard", "SPPOSingle"]


class _Regression(Objective):
    """Base class of the three forms: regression of log-ratios on win rate minus one half."""

    paper = "arXiv:2405.00675"
    tags: ClassVar[tuple[str, ...]] = ("self-play", "scores")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "1 / η: the target of a log-ratio is (win rate − ½) / β nats"] = 0.001

    def _errors(self, chosen: Scored, rejected: Scored, win: Tensor, lose: Tensor) -> Tensor:
        """The sum of the squared errors of each pair, [B]."""
        return (chosen.logratio - win / self.beta).square() + (rejected.logratio - lose / self.beta).square()


class SPPO(_Regression):
    """Self-Play Preference Optimization (Wu et al., 2024), eq. 4.6.

    loss = ½ [(Δ_chosen − (w_chosen − ½) / β)² + (Δ_rejected − (w_rejected − ½) / β)²],   Δ = log π(y|x) − log π_k(y|x)

    w is the probability that the response beats the policy π_k that generated it, which is also the reference. The
    paper writes the sum without the ½; the authors' code and this implementation include it. ``sppo-single`` needs only
    the probability that one response beats the other, ``sppo-hard`` only which one is better.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> rates = {"chosen_win_rate": torch.tensor([1.0]), "rejected_win_rate": torch.tensor([0.5])}
        >>> SPPO(beta=0.5)(chosen=equal, rejected=equal, **rates).values
        tensor([0.5000])

    Reference:
        Wu, Sun, Yuan, Ji, Yang, Gu (2024), Self-Play Preference Optimization for Language Model Alignment.
    """

    id = "sppo"
    evidence = OFFICIAL_CODE
    former = (
        Former(
            "loss_type",
            by_value={
                "sppo": "Leave it out.",
                "sppo_single": "Use objective sppo-single.",
                "sppo_hard": "Use objective sppo-hard.",
            },
        ),
    )

    def loss(self, chosen: Scored, rejected: Scored, chosen_win_rate: Tensor, rejected_win_rate: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        return 0.5 * self._errors(chosen, rejected, chosen_win_rate - 0.5, rejected_win_rate - 0.5)


class SPPOSingle(_Regression):
    """SPPO with one probability per pair (Wu et al., 2024), as in its published code.

    loss = ½ [(Δ_chosen − (P − ½) / β)² + (Δ_rejected + (P − ½) / β)²],   P = P(chosen beats rejected)

    Δ = log π(y|x) − log π_k(y|x), summed over tokens (nats); the win rates of ``sppo`` are P and 1 − P.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> SPPOSingle(beta=0.5)(chosen=equal, rejected=equal, preference_probability=torch.tensor([1.0])).values
        tensor([1.])

    Reference:
        Wu, Sun, Yuan, Ji, Yang, Gu (2024), Self-Play Preference Optimization for Language Model Alignment.
    """

    id = "sppo-single"
    evidence = OFFICIAL_CODE

    def loss(self, chosen: Scored, rejected: Scored, preference_probability: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        lead = preference_probability - 0.5
        return 0.5 * self._errors(chosen, rejected, lead, -lead)


class SPPOHard(_Regression):
    """SPPO with hard labels (Wu et al., 2024), as in its published code.

    loss = (Δ_chosen − 1 / (2 β))² + (Δ_rejected + 1 / (2 β))²,   Δ = log π(y|x) − log π_k(y|x)   (summed, nats)

    No win rates are needed; unlike in ``sppo`` the two terms are summed without the ½.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> SPPOHard(beta=0.5)(chosen=equal, rejected=equal).values
        tensor([2.])

    Reference:
        Wu, Sun, Yuan, Ji, Yang, Gu (2024), Self-Play Preference Optimization for Language Model Alignment.
    """

    id = "sppo-hard"
    evidence = OFFICIAL_CODE
    tags = ("self-play",)

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        half = torch.full_like(chosen.logratio, 0.5).detach()
        return self._errors(chosen, rejected, half, -half)
