"""Rewards by criteria and aspects with two levels of gates (MJ-VIDEO), and their losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import logsigmoid

__all__ = [
    "Gated",
    "aspect_means",
    "criteria_loss",
    "gate",
    "gate_loss",
    "gated_rewards",
    "unpunished",
    "valid_preference_loss",
]


@dataclass(frozen=True, eq=False)
class Gated:
    """Rewards with two levels of gates.

    Args:
        score: [R] the overall reward.
        aspect_scores: [R, A] the reward by aspect.
        aspect_gate: [R, A] the weight of each aspect.
        criterion_weights: for each aspect, [R, |S_a|] the weights of its criteria.
    """

    score: Tensor
    aspect_scores: Tensor
    aspect_gate: Tensor
    criterion_weights: list[Tensor]

    def weight_of_criteria(self, aspects: Sequence[Sequence[int]]) -> Tensor:
        """[R, C] the weight of each criterion inside its aspect, in the order of the criteria."""
        order = torch.tensor([criterion for members in aspects for criterion in members], device=self.score.device)
        return torch.cat(self.criterion_weights, dim=-1)[:, torch.argsort(order)]

    def with_criteria(self, criteria: Tensor, aspects: Sequence[Sequence[int]]) -> Gated:
        """The same gates, the rewards by aspect as they are, and the overall reward of other rewards by criterion.

        score = Σ_a G_a Σ_{c in S_a} w_c ρ'_c

        Args:
            criteria: [R, C] rewards ρ'.
            aspects: the criteria S_a of each aspect, by index.

        Example:
            >>> even = torch.zeros(1, 2), torch.zeros(1, 1)
            >>> found = gated_rewards(torch.tensor([[1.0, 3.0]]), *even, [[0, 1]])
            >>> found.with_criteria(torch.tensor([[1.0, 0.0]]), [[0, 1]]).score
            tensor([0.5000])
        """
        return replace(self, score=(self.aspect_gate * _by_aspect(criteria, self.criterion_weights, aspects)).sum(-1))


def gate(logits: Tensor, temperature: float = 1.0, scale: Tensor | float = 1.0) -> Tensor:
    """Weights of a gate.

    w = s softmax(logits / T)

    Args:
        logits: [R, K].
        temperature: T, greater than 0; the larger, the more even.
        scale: s, what the weights sum to.

    Returns:
        [R, K].

    Example:
        >>> gate(torch.zeros(1, 2), scale=3.0)
        tensor([[1.5000, 1.5000]])
    """
    return torch.softmax(logits / temperature, dim=-1) * scale


def gated_rewards(
    criteria: Tensor,
    criterion_logits: Tensor,
    aspect_logits: Tensor,
    aspects: Sequence[Sequence[int]],
    *,
    temperature: float = 1.0,
    criterion_scale: Tensor | float = 1.0,
    aspect_scale: Tensor | float = 1.0,
) -> Gated:
    """The overall reward of responses from the rewards by criterion.

    score = Σ_a G_a Σ_{c in S_a} w_c ρ_c,   w = s_c softmax over S_a (q_c / T),   G = s_a softmax(g / T)

    Args:
        criteria: [R, C] rewards ρ by criterion.
        criterion_logits: [R, C] gate logits q; the softmax of each aspect runs over its own criteria only.
        aspect_logits: [R, A] gate logits g.
        aspects: the criteria S_a of each aspect, by index.
        temperature: T.
        criterion_scale: s_c.
        aspect_scale: s_a.

    Example:
        >>> even = torch.zeros(1, 3), torch.zeros(1, 2)
        >>> gated_rewards(torch.tensor([[1.0, 3.0, 8.0]]), *even, [[0, 1], [2]]).score
        tensor([5.])

    Reference:
        Tong et al. (2025), MJ-VIDEO: Fine-Grained Benchmarking and Rewarding Video Preferences in Video Generation.
    """
    members = [list(each) for each in aspects]
    weights = [gate(criterion_logits[:, each], temperature, criterion_scale) for each in members]
    scores = _by_aspect(criteria, weights, members)
    opened = gate(aspect_logits, temperature, aspect_scale)
    return Gated((opened * scores).sum(dim=-1), scores, opened, weights)


def _by_aspect(criteria: Tensor, weights: Sequence[Tensor], aspects: Sequence[Sequence[int]]) -> Tensor:
    """[R, A] the weighted sum of the criteria of each aspect."""
    sums = [(own * criteria[:, list(each)]).sum(dim=-1) for own, each in zip(weights, aspects, strict=True)]
    return torch.stack(sums, dim=-1)


def criteria_loss(
    logits: Tensor, labels: Tensor, related: Tensor, positive_weight: Tensor | float = 0.5, epsilon: float = 1e-5
) -> Tensor:
    """The weighted logistic loss of rewards by criterion, summed over the criteria that the response was judged on.

    loss = −Σ_c related_c [p_c y_c log(σ(ρ_c) + ε) + (1 − p_c) (1 − y_c) log(1 − σ(ρ_c) + ε)]

    Args:
        logits: [R, C] rewards ρ.
        labels: [R, C] 1 if the criterion is met, otherwise 0.
        related: [R, C] 1 if the criterion applies, otherwise 0.
        positive_weight: [C] or a number, weight p of labels 1; those of labels 0 have 1 − p.
        epsilon: ε, which bounds the loss.

    Returns:
        [R], nats.

    Example:
        >>> criteria_loss(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([[1.0, 0.0]]), epsilon=0.0)
        tensor([0.3466])
    """
    met = torch.sigmoid(logits)
    right = positive_weight * labels * torch.log(met + epsilon)
    wrong = (1 - positive_weight) * (1 - labels) * torch.log(1 - met + epsilon)
    return -(related * (right + wrong)).sum(dim=-1)


def valid_preference_loss(chosen: Tensor, rejected: Tensor, valid: Tensor, beta: float = 1.0) -> Tensor:
    """The Bradley-Terry loss by aspect, averaged over the aspects in which the pair was compared.

    loss = Σ_a valid_a (−log σ(β (s_a(y_w) − s_a(y_l)))) / Σ_a valid_a

    Args:
        chosen: [B, A] aspect scores of the response that is better in the aspect.
        rejected: [B, A] of the other one.
        valid: [B, A] 1 where the aspect was compared, otherwise 0.
        beta: β.

    Returns:
        [B], nats; 0 where no aspect was compared.

    Example:
        >>> valid_preference_loss(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
        tensor([0.6931])
    """
    losses = -logsigmoid(beta * (chosen - rejected)) * valid
    return losses.sum(dim=-1) / valid.sum(dim=-1).clamp(min=1)


def gate_loss(weights: Tensor, related: Tensor, epsilon: float = 1e-5) -> Tensor:
    """What a gate's weight on parts that do not apply costs.

    loss = −Σ_k (1 − related_k) log(1 − w_k + ε)

    Args:
        weights: [R, K] weights of the gate, at most 1.
        related: [R, K] 1 where the part applies, otherwise 0.
        epsilon: ε.

    Returns:
        [R], nats.

    Example:
        >>> gate_loss(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]), epsilon=0.0)
        tensor([0.6931])
    """
    # A learned scale above 1 can bring a weight above 1.
    return -((1 - related) * torch.log((1 - weights).clamp(min=0) + epsilon)).sum(dim=-1)


def aspect_means(ratings: Tensor, aspects: Sequence[Sequence[int]]) -> Tensor:
    """The rating of each aspect: the mean over those of its criteria that are rated.

    Args:
        ratings: [R, C]; NaN where a criterion is not rated.
        aspects: the criteria of each aspect, by index.

    Returns:
        [R, A]; NaN where none is rated.

    Example:
        >>> aspect_means(torch.tensor([[1.0, 3.0, float("nan")]]), [[0, 1], [2]])
        tensor([[2., nan]])
    """
    return torch.stack([ratings[:, list(own)].nanmean(dim=-1) for own in aspects], dim=-1)


def unpunished(ratings: Tensor, aspects: Sequence[Sequence[int]]) -> Tensor:
    """1 for all but the parts that do not apply although another part of their gate does, for `gate_loss`.

    The weights of a gate have a fixed sum, so weight on a part that does not apply can be avoided only if it can go to
    another one.

    Args:
        ratings: [R, K]; NaN where a part does not apply.
        aspects: the parts of each gate, by index.

    Returns:
        [R, K].

    Example:
        >>> nothing = float("nan")
        >>> unpunished(torch.tensor([[1.0, nothing, nothing]]), [[0, 1], [2]])
        tensor([[1., 0., 1.]])
    """
    related = ~ratings.isnan()
    kept = related.clone()
    for own in aspects:
        members = list(own)
        kept[:, members] |= ~related[:, members].any(dim=-1, keepdim=True)
    return kept.to(ratings.dtype)
