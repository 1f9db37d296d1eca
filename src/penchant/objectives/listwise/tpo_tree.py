"""Tree Preference Optimization: trajectories of a tree are ranked by their steps, with adaptive step weights."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_max, group_sum, same_group
from penchant.objectives.functional.lists import best_and_rest, better_pairs, pairwise_logistic, place_by
from penchant.objectives.functional.numerics import wide_dtype

__all__ = ["Steps", "TreePreference"]

#: Weights whose sum is smaller are all of a trajectory that is like the best one: its steps then count alike.
_NONE = 1e-4


class Steps(NamedTuple):
    """The steps of R trajectories, numbered up to the largest number K that some trajectory has.

    Attributes:
        present: [R, K] bool, whether a trajectory has the step.
        ratio: [R, K] mean log-ratio per token of each step, nats; 0 where it is absent.
        state: [R, K, D] mean hidden state of each step, without gradient.
    """

    present: Tensor
    ratio: Tensor
    state: Tensor


class TreePreference(Objective):
    """Tree Preference Optimization (Liao et al., 2024): step weights and scores as in its published code.

    loss = (1/|P|) Σ_{(i, j) in P} λ_ij log(1 + exp(−β (s_i − s_j))),   P = {(i, j) : v_i > v_j}

    s_i = Σ_k W_ik m_ik / Σ_k W_ik,   W_ik = 1 + cos(h_ik, h_bk)

    m_ik is the mean log-ratio per token of step k of trajectory i, h_ik the mean hidden state that predicts its tokens,
    b the trajectory of the highest score. Steps beyond the last one of the shortest trajectory of a list are merged
    into it. W and λ carry no gradient. With ``discount`` "dcg", λ_ij = |2^v_i − 2^v_j| |1/log₂(1 + τ_i) − 1/log₂(1 +
    τ_j)| with places τ by s, as in the paper; it expects scores in [−1, 1]. The published code wraps the loss once
    more, which turns the sign of its gradient, and takes log-probabilities of the wrong positions; neither is done
    here. With two trajectories of one step and uniform weights it is DPO on mean log-ratios.

    Example:
        >>> equal = torch.full((2, 2), -1.0)
        >>> both = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0]), hidden=torch.ones(2, 2, 3))
        >>> steps = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
        >>> TreePreference()(responses=both, scores=torch.tensor([1.0, 0.0]), step_index=steps).values
        tensor([0.6931])

    Reference:
        Liao, Chu, Wang (2024), TPO: Aligning Large Language Models with Multi-branch & Multi-step Preference Trees.
    """

    id = "tpo-tree"
    paper = "arXiv:2410.12854"
    evidence = reconstruction(
        "Step weights and scores reproduce the published code. The mean over ordered pairs and λ by places of the step "
        "scores are read from the paper, since the published loss has a gradient of the wrong sign."
    )
    tags = ("normalized", "scores", "weighting")
    needs = Needs(reference=True, hidden=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward per token"] = 0.5
    step_weights: Annotated[
        Literal["one-plus-cos", "one-minus-cos", "uniform"],
        "weight of a step, from the cosine similarity of its hidden state to that of the best trajectory",
    ] = "one-plus-cos"
    discount: Annotated[
        Literal["none", "dcg"], "weight of a pair: all alike, or what its exchange changes in the DCG"
    ] = "none"

    def loss(self, responses: Scored, scores: Tensor, step_index: Tensor) -> Tensor:
        """The loss per prompt, [B]; 0 for a list whose scores are all equal."""
        group = responses.group
        strength = self.beta * self.step_scores(self.steps(responses, step_index), scores, group)
        pairs = better_pairs(scores, group)
        weights = self._pair_weights(strength.detach(), scores, group).to(strength.dtype)
        found = group_sum(pairwise_logistic(strength, pairs, weights), group)
        return found / group_sum(pairs.sum(-1).to(found.dtype), group).clamp(min=1)

    def steps(self, responses: Scored, step_index: Tensor) -> Steps:
        """The mean log-ratio and hidden state of each step.

        Args:
            responses: the trajectories.
            step_index: [R, T] number of the step of each token, from 1; 0 for a token of no step.
        """
        number = torch.where(responses.mask, step_index.long(), 0)
        shortest = -group_max(-number.amax(-1).double(), responses.group)[responses.group].long()
        number = torch.minimum(number, shortest.clamp(min=1).unsqueeze(-1))
        wide = wide_dtype(responses.policy.dtype)
        member = torch.nn.functional.one_hot(number, int(number.max()) + 1 if number.numel() else 1)[..., 1:].to(wide)
        count = member.sum(1)
        each = count.clamp(min=1)
        ratio = torch.einsum("rt,rtk->rk", responses.token_logratio.to(wide), member) / each
        state = torch.einsum("rtd,rtk->rkd", responses.states.detach().to(wide), member) / each.unsqueeze(-1)
        return Steps(count > 0, ratio, state)

    def weights(self, steps: Steps, scores: Tensor, group: Tensor) -> Tensor:
        """W, [R, K]; 0 where a step is absent."""
        if self.step_weights == "uniform":
            return steps.present.to(steps.ratio.dtype)
        best = best_and_rest(-scores, group).best[group]
        cosine = torch.nn.functional.cosine_similarity(steps.state, steps.state[best], dim=-1)
        raw = 1 + cosine if self.step_weights == "one-plus-cos" else 1 - cosine
        return torch.where(steps.present, raw, 0.0)

    def step_scores(self, steps: Steps, scores: Tensor, group: Tensor) -> Tensor:
        """s, [R]: the weighted mean log-ratio of the steps, nats per token."""
        weights = self.weights(steps, scores, group)
        total = weights.sum(-1, keepdim=True)
        weights = torch.where(total > _NONE, weights, steps.present.to(weights.dtype))
        return (weights * steps.ratio).sum(-1) / weights.sum(-1).clamp(min=_NONE)

    def rewards(self, view: Scored) -> Tensor | None:
        """β times the mean log-ratio per token, [R], steps of equal weight per token."""
        return None if view.reference is None else (self.beta * view.mean_logratio).detach()

    def _pair_weights(self, strength: Tensor, scores: Tensor, group: Tensor) -> Tensor:
        if self.discount == "none":
            return torch.ones_like(same_group(group), dtype=strength.dtype)
        gain, discount = scores.exp2(), 1 / (1 + place_by(strength, group)).to(scores.dtype).log2()
        return (gain.unsqueeze(1) - gain).abs() * (discount.unsqueeze(1) - discount).abs()
