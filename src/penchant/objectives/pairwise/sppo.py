"""Self-Play Preference Optimization: each response's log-ratio is regressed on how often it wins."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored

__all__ = ["SPPO"]


class SPPO(Objective):
    """Self-Play Preference Optimization (Wu et al., 2024), eq. 4.6.

    loss = ½ [(Δ_chosen − (w_chosen − ½) / β)² + (Δ_rejected − (w_rejected − ½) / β)²],   Δ = log π(y|x) − log π_k(y|x)

    w is the response's probability of winning against the policy π_k that generated it, which is the reference too.
    ``sppo_single`` knows only P = P(chosen beats rejected) and mirrors it: w_chosen = P, w_rejected = 1 − P.
    ``sppo_hard`` takes P = 1 and adds the two terms without the ½. The paper writes the sum without the ½; its
    authors' code has it, and so has this.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> SPPO(beta=0.5, loss_type="sppo_hard")(chosen=equal, rejected=equal).values
        tensor([2.])

    Reference:
        Wu, Sun, Yuan, Ji, Yang, Gu (2024), Self-Play Preference Optimization for Language Model Alignment.
    """

    id = "sppo"
    paper = "arXiv:2405.00675"
    family = "self-play"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "1 / η: the target of a log-ratio is (win rate − ½) / β nats"] = 0.001
    loss_type: Annotated[
        Literal["sppo", "sppo_single", "sppo_hard"], "win rates of both, one probability for the pair, or certainty"
    ] = "sppo"

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        chosen_win_rate: Tensor | None = None,
        rejected_win_rate: Tensor | None = None,
        preference_probability: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each pair, [B], with the rewards of both responses."""
        win, lose = self._advantages(chosen.logratio, chosen_win_rate, rejected_win_rate, preference_probability)
        errors = (chosen.logratio - win / self.beta).square() + (rejected.logratio - lose / self.beta).square()
        rewards = {"chosen_rewards": self.beta * chosen.logratio, "rejected_rewards": self.beta * rejected.logratio}
        return errors if self.loss_type == "sppo_hard" else 0.5 * errors, rewards

    def _advantages(self, like: Tensor, chosen: Any, rejected: Any, probability: Any) -> tuple[Tensor, Tensor]:
        """How far the win rates of both lie above one half."""
        if self.loss_type == "sppo_hard":
            half = torch.full_like(like, 0.5).detach()
            return half, -half
        if self.loss_type == "sppo_single":
            lead = self._given("preference_probability", probability) - 0.5
            return lead, -lead
        return self._given("chosen_win_rate", chosen) - 0.5, self._given("rejected_win_rate", rejected) - 0.5

    def _given(self, name: str, value: Tensor | None) -> Tensor:
        if value is None:
            raise ConfigurationError(
                f"With loss_type={self.loss_type!r} every pair needs the field {name!r}, a probability.",
                where="objective sppo",
                fix="Sample with a judge (`penchant online sppo`), add the column, or take loss_type=sppo_hard.",
            )
        return value
