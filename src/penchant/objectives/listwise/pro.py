"""PRO: a list is ranked stage by stage, with temperatures from the differences of rewards."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_size, group_sum, same_group
from penchant.objectives.functional.lists import best_and_rest, place_by

__all__ = ["PRO"]


class PRO(Objective):
    """Preference Ranking Optimization (Song et al., 2023), as in its published code.

    loss = Σ_k [log(exp(p_k t_k) + Σ_{j > k} exp(p_j t_j)) − p_k t_k] + w (K − 1)² nll_1

    p is the mean log-probability per token. At stage k, t_j = R_k − R_j for the worse responses j > k, and t_k = max_j
    t_j. nll_1 = −log π(y_1|x) is summed over tokens. Stages of equal rewards have no gradient.

    Example:
        >>> equal = torch.full((2, 1), -1.0)
        >>> both = Scored(equal, None, equal < 0, group=torch.tensor([0, 0]))
        >>> PRO(sft_weight=0.0)(responses=both, scores=torch.tensor([1.0, 0.0])).values
        tensor([0.6931])

    Reference:
        Song, Yu, Li, Yu, Huang, Li, Wang (2023), Preference Ranking Optimization for Human Alignment.
    """

    id = "pro"
    paper = "arXiv:2306.17492"
    evidence = OFFICIAL_CODE
    tags = ("normalized", "scores", "likelihood")

    sft_weight: Annotated[float, Ge(0), "weight w of the likelihood of the best response"] = 0.05

    def loss(self, responses: Scored, scores: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per prompt, [B], with ``ranking`` and ``sft``, its two parts."""
        group = responses.group
        ranking = group_sum(self.stages(responses, scores), group)
        best = best_and_rest(place_by(scores, group), group).best
        others = (group_size(group) - 1).to(ranking.dtype)
        sft = -self.sft_weight * others.square() * responses.logp[best]
        return ranking + sft, {"ranking": ranking, "sft": sft}

    def stages(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss of each stage, [R], at the response that it compares with the worse ones; 0 for the last."""
        group, p = responses.group, responses.mean_logp
        places = place_by(scores, group)
        later = same_group(group) & (places.unsqueeze(0) > places.unsqueeze(1))
        heat = torch.where(later, scores.unsqueeze(1) - scores.unsqueeze(0), 0.0).to(p.dtype)
        own = p * torch.cat([heat, heat.new_zeros(len(p), 1)], dim=1).amax(-1)  # never over nothing
        against = torch.where(later, p.unsqueeze(0) * heat, float("-inf"))
        stage = torch.cat([against, own.unsqueeze(1)], dim=1).logsumexp(-1) - own
        return torch.where(later.any(-1), stage, 0.0)
