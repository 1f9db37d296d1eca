"""ReMoDetect: a reward model that becomes a detector of text that a language model wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.ordered_rewards import ordered_pairs, replay

__all__ = ["ReMoDetect"]


class ReMoDetect(Objective):
    """ReMoDetect (Lee et al., 2024): the reward of a text says whether a language model wrote it.

    loss = ⅓ Σ_{(a, b)} λ_ab [−log σ(r_a − r_b) + ½ β₂ (r_a² + r_b²)] + ρ (r_θ0(z) − r_θ(z))²

    over (a, b) = (machine, mixed), (machine, human), (mixed, human). The chosen response is the machine's text, the
    rejected one the human's, and the record field ``mixed`` the human's text of which a part was rewritten by a
    language model. z is a text of the data of the reward model that training starts from (fields ``replay_prompt``
    and ``replay``), and ``replay_score`` the reward r_θ0 that this model gives it; records without them have no such
    term. Start from the folder of a reward model. Higher rewards mean a machine's text.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = ReMoDetect(mixed_weight=1.0)
        >>> objective.bind(4)
        >>> objective(chosen=view, rejected=view, mixed=view).values
        tensor([0.6931], grad_fn=<DivBackward0>)

    Reference:
        Lee, Tack, Shin (2024), ReMoDetect: Reward Models Recognize Aligned LLM's Generations.
    """

    id = "remodetect"
    paper = "arXiv:2405.17382"
    evidence = OFFICIAL_CODE
    needs = Needs(ends=True, likelihood=False)
    continues: ClassVar[tuple[str, ...]] = ("bt-reward-model", "eurus-rm", "pairwise-margin-regression")

    pair_weight: Annotated[float, Ge(0), "weight λ of the machine's text against the human's"] = 1.0
    mixed_weight: Annotated[float, Ge(0), "weight λ of the two pairs with the mixed text"] = 0.3
    l2: Annotated[float, Ge(0), "weight β₂ of the squared rewards"] = 0.01
    rho: Annotated[float, Ge(0), "weight ρ of the replayed rewards"] = 0.01

    def __init__(self, **hyper: object) -> None:
        super().__init__(**hyper)
        self.reward_head = Head(1, bias=None, random=True)

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        mixed: Scored,
        replay: Scored | None = None,
        replay_score: Tensor | None = None,
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of each record, [B], with whether its three texts are in order, and the term of the replayed one."""
        machine, between, human = (self.reward_head(each.end_state)[:, 0] for each in (chosen, mixed, rejected))
        weights = (self.mixed_weight, self.pair_weight, self.mixed_weight)
        values = ordered_pairs(machine, between, human, weights, self.l2)
        ordered = ((machine > between) & (between > human)).to(values.dtype)
        again = self._again(replay, replay_score, values)
        if again is None:
            return values, {"in_order": ordered}
        return values + again, {"in_order": ordered, "replay_loss": again}

    def _again(self, view: Scored | None, score: Tensor | None, values: Tensor) -> Tensor | None:
        """The term of replayed texts, [B]; None without them."""
        if view is None:
            return None
        if score is None:
            raise ConfigurationError(
                "There are replayed texts, but not the rewards that they had.",
                where=f"objective {self.id}",
                fix="Score them with penchant judge and the reward model that training starts from, and write the "
                "score into the field replay_score.",
            )
        terms = replay(self.reward_head(view.end_state)[:, 0], score[view.group], self.rho)
        return torch.zeros_like(values).index_add(0, view.group, terms.to(values.dtype))
