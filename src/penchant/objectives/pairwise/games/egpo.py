"""EGPO: regression of log-ratio margins on differences of win rates, and its form for one pair."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logratio_margin

__all__ = ["EGPO", "EGPOPair"]


class _Game(Objective):
    """Base class of both types: a squared loss to a margin that the preference game gives."""

    paper = "arXiv:2503.08942"
    tags: ClassVar[tuple[str, ...]] = ("online", "scores", "self-play")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "weight of the divergence from the reference, in win rate per nat"] = 0.1
    average_log_prob: Annotated[
        bool, "average the log-ratio over the tokens of each response, as the published code does, instead of summing"
    ] = False

    def _error(self, chosen: Scored, rejected: Scored, lead: Tensor) -> Tensor:
        """The squared distance of each pair from its target, [B]."""
        margin = logratio_margin(chosen, rejected, average=self.average_log_prob)
        return (margin - lead / self.beta).square()


class EGPO(_Game):
    """Extragradient Preference Optimization (Zhou et al., 2025), the online IPO loss of type 1.

    loss = (Δ_chosen − Δ_rejected − (P(chosen ≻ π) − P(rejected ≻ π)) / β)²,   Δ = log π(y|x) − log π_ref(y|x)   (nats)

    The pair may come from any distribution; P(y ≻ π) is its win rate against the policy, without gradient, in the
    fields ``chosen_win_rate`` and ``rejected_win_rate``. The minimum over all pairs is a step to log π_ref + P π / β,
    and its fixed point is the equilibrium of the regularised game. Win rates are those against the policy itself
    (mirror descent), against a mixture with the reference (Nash-MD), or against a look-ahead step (``step_rule:
    extragradient`` of online runs, the paper's method). The published code averages log-ratios over tokens
    (``average_log_prob``); the formula sums them.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> rates = {"chosen_win_rate": torch.tensor([1.0]), "rejected_win_rate": torch.tensor([0.5])}
        >>> EGPO(beta=0.5)(chosen=equal, rejected=equal, **rates).values
        tensor([1.])

    Reference:
        Zhou, Fazel, Du (2025), Extragradient Preference Optimization (EGPO): Beyond Last-Iterate Convergence for Nash
        Learning from Human Feedback.
    """

    id = "egpo"
    evidence = OFFICIAL_CODE

    def loss(self, chosen: Scored, rejected: Scored, chosen_win_rate: Tensor, rejected_win_rate: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        return self._error(chosen, rejected, chosen_win_rate - rejected_win_rate)


class EGPOPair(_Game):
    """Extragradient Preference Optimization (Zhou et al., 2025), the online IPO loss of type 2.

    loss = (Δ_chosen − Δ_rejected − (P(chosen ≻ rejected) − ½) / β)²,   Δ = log π(y|x) − log π_ref(y|x)   (nats)

    Both responses are the policy's own, so that one is the other's opponent and no third sample is needed. In
    expectation over them its gradient is that of ``egpo`` up to a factor.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> EGPOPair(beta=0.5)(chosen=equal, rejected=equal, preference_probability=torch.tensor([1.0])).values
        tensor([1.])

    Reference:
        Zhou, Fazel, Du (2025), Extragradient Preference Optimization (EGPO): Beyond Last-Iterate Convergence for Nash
        Learning from Human Feedback.
    """

    id = "egpo-pair"
    evidence = PAPER

    def loss(self, chosen: Scored, rejected: Scored, preference_probability: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        return self._error(chosen, rejected, preference_probability - 0.5)
