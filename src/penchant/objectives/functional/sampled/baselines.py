"""Advantages against a baseline: of the other samples, of several rewards, of steps, of a list, and scaled ones."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from penchant.objectives.functional.advantages import group_advantages

__all__ = [
    "istar_norm",
    "leave_one_out",
    "list_advantages",
    "responsiveness",
    "several_rewards",
    "step_advantages",
    "topic_difficulty",
]

Order = Literal["sum_then_normalize", "normalize_then_sum"]
Norm = Literal["others", "mean", "mean_std"]


def leave_one_out(rewards: Tensor, group: Tensor, *, normalize: bool = False, epsilon: float = 1e-4) -> Tensor:
    """Rewards minus the mean reward of the other responses to the same prompt (RLOO).

    A_i = r_i − mean_{j ≠ i} r_j = K / (K − 1) (r_i − mean)

    A NaN reward is left out and gets 0; so does a group with one reward.

    Args:
        rewards: [R], any unit; NaN if missing.
        group: [R] integer, the prompt of each response, from 0.
        normalize: bring the advantages of the batch to mean 0 and deviation 1.
        epsilon: added to that deviation.

    Returns:
        [R]; 0 on average over each group.

    Example:
        >>> leave_one_out(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([0, 0, 0]))
        tensor([ 1.5000, -1.5000,  0.0000])

    Reference:
        Ahmadian et al. (2024), Back to Basics: Revisiting REINFORCE Style Optimization, eq. 6.
    """
    centred = group_advantages(rewards, group, scale="none")
    known = torch.isfinite(rewards)
    members = torch.bincount(group[known], minlength=int(group.max()) + 1 if group.numel() else 0)[group]
    found = centred * members.to(rewards.dtype) / (members - 1).clamp(min=1)
    return group_advantages(found, torch.zeros_like(group), scale="batch", epsilon=epsilon) if normalize else found


def several_rewards(
    rewards: Tensor, group: Tensor, weights: Tensor, *, order: Order = "sum_then_normalize", epsilon: float = 1e-4
) -> Tensor:
    """Advantages of several rewards: their weighted sum standardised, or the weighted sum of standardised rewards.

    sum_then_normalize: A = standardised within the group of Σ_k w_k r_k
    normalize_then_sum: S = Σ_k w_k (r_k standardised within the group),   A = (S − mean S) / (std S + ε) of the batch

    In the second order a reward that is multiplied by a positive number changes nothing (up to ε). A NaN reward is
    skipped: in the first order the response gets no advantage, in the second its other rewards count.

    Args:
        rewards: [R, K].
        group: [R] integer, the prompt of each response, from 0.
        weights: [K].
        order: which.
        epsilon: added to standard deviations.

    Returns:
        [R].

    Example:
        >>> both = torch.tensor([[1.0, 0.0], [0.0, 300.0]])
        >>> several_rewards(both, torch.tensor([0, 0]), torch.tensor([0.6, 0.4]), order="normalize_then_sum").sign()
        tensor([ 1., -1.])

    Reference:
        Li et al. (2025), Optimizing Safe and Aligned Language Generation: A Multi-Objective GRPO Approach; the second
        order is that of GDPO in TRL.
    """
    if order == "sum_then_normalize":
        return group_advantages((rewards * weights).sum(-1), group, epsilon=epsilon)
    each = [group_advantages(column, group, epsilon=epsilon) for column in rewards.unbind(-1)]
    total = (torch.stack(each, -1) * weights).sum(-1)
    return group_advantages(total, torch.zeros_like(group), scale="batch", epsilon=epsilon)


def list_advantages(closeness: Tensor, group: Tensor, *, tau: float = 0.5) -> Tensor:
    """Advantages of a target distribution over the responses to a prompt.

    A_i = softmax(u / τ)_i − 1/n   over the n responses of the group

    Equal u give 0, and a response with a higher u never gets a smaller advantage. NaN is left out and gets 0.

    Args:
        closeness: [R] u, for example closeness to a teacher's response in [0, 1].
        group: [R] integer, the prompt of each response, from 0.
        tau: temperature τ.

    Returns:
        [R]; each group sums to 0.

    Example:
        >>> list_advantages(torch.tensor([1.0, 1.0, 0.0]), torch.tensor([0, 0, 1]))
        tensor([0., 0., 0.])

    Reference:
        The list mode of positive-unlabelled distillation, arXiv:2601.20687; the form of the target is ours.
    """
    found = torch.zeros_like(closeness)
    for place in group.unique().tolist():
        rows = ((group == place) & torch.isfinite(closeness)).nonzero().flatten()
        if len(rows):
            found[rows] = torch.softmax(closeness[rows] / tau, 0) - 1 / len(rows)
    return found


def step_advantages(
    outcome: Tensor,
    step: Tensor,
    group: Tensor,
    trajectory: Tensor,
    *,
    weight: float = 1.0,
    norm: Norm = "others",
    baseline: Literal["all_steps", "first_step"] = "all_steps",
    penalty: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages of steps: that of the trajectory's outcome, and that of the step's own reward.

    A = A_outcome + w A_step,   each against the trajectories, or the steps, of the same group

    Args:
        outcome: [N] outcome of the trajectory that each of N steps belongs to.
        step: [N] reward of the step itself.
        group: [N] integer, the task of each step.
        trajectory: [N] integer, the trajectory of each step.
        weight: w.
        norm: ``others`` subtracts the mean of the others, ``mean`` that of all, ``mean_std`` also divides by the
            unbiased deviation.
        baseline: ``all_steps`` compares a step with all steps of the group, as the paper says; ``first_step`` with the
            first step of each trajectory, and counts trajectories for the others' mean, as the released code does.
        penalty: [N] what is taken off the outcome of a step itself, such as of an invalid action; the outcomes that it
            is compared with stay as they are. None for nothing.

    Returns:
        The outcome's part and the step's part, both [N]; the advantage is their sum.

    Example:
        >>> one = torch.tensor
        >>> step_advantages(one([1.0, 0.0]), one([0.2, 0.4]), one([0, 0]), one([0, 1]), weight=0.5)
        (tensor([ 1., -1.]), tensor([-0.1000,  0.1000]))

    Reference:
        Liu et al. (2025), Online Process Reward Learning for Agentic Reinforcement Learning, section 3.
    """
    first = torch.zeros_like(trajectory, dtype=torch.bool)
    seen: set[tuple[int, int]] = set()
    for row, key in enumerate(zip(group.tolist(), trajectory.tolist(), strict=True)):
        first[row] = key not in seen
        seen.add(key)
    whole = _against(outcome, group, first, norm, penalty)
    own = _against(step, group, first if baseline == "first_step" else torch.ones_like(first), norm)
    return whole, weight * own


def _against(values: Tensor, group: Tensor, counted: Tensor, norm: Norm, lost: Tensor | None = None) -> Tensor:
    """The values, less what is lost, against the counted values of their group; 0 where a single one is counted."""
    found = torch.zeros_like(values)
    for place in group.unique().tolist():
        rows = group == place
        inside = values[rows & counted]
        if len(inside) < 2:
            continue
        centred = values[rows] - inside.mean()
        if norm == "others":
            centred = centred * len(inside) / (len(inside) - 1)
        if lost is not None:
            centred = centred - lost[rows]
        found[rows] = centred / (inside.std() + 1e-6) if norm == "mean_std" else centred
    return found


def istar_norm(step: Tensor, trajectory: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Rewards of the steps of a batch over the largest sum of rewards, by size, that any step has from itself on.

    r / (max over steps of |Σ of the rewards from that step to the end of its trajectory| + ε)

    Args:
        step: [N] reward of each step; the steps of a trajectory stand in order.
        trajectory: [N] integer, the trajectory of each step; all of a batch have different numbers.
        epsilon: keeps rewards that are all 0 at 0.

    Returns:
        [N].

    Example:
        >>> istar_norm(torch.tensor([1.0, 3.0, -2.0]), torch.tensor([0, 0, 1]))
        tensor([ 0.2500,  0.7500, -0.5000])

    Reference:
        Liu et al. (2025), Online Process Reward Learning for Agentic Reinforcement Learning; batch normalisation of
        the released code, iStar.
    """
    largest = 0.0
    for each in trajectory.unique().tolist():
        rest = step[trajectory == each].flip(0).cumsum(0).abs()
        largest = max(largest, rest.max().item())
    return step / (largest + epsilon)


def topic_difficulty(dissimilarity: Tensor, topic: Tensor) -> Tensor:
    """The difficulty factor of each prompt of DR-IRL: above 1 where it is harder than its topic's average.

    α = σ(δ) / σ(mean of δ over the topic)

    Args:
        dissimilarity: [P] δ of a demonstration from the policy's response, 1 − mean similarity.
        topic: [P] integer, the category of each prompt.

    Returns:
        [P], without gradient.

    Example:
        >>> topic_difficulty(torch.tensor([0.5, 0.5]), torch.tensor([0, 0]))
        tensor([1., 1.])

    Reference:
        Cheng et al. (2025), Inverse Reinforcement Learning with Dynamic Reward Scaling for LLM Alignment,
        arXiv:2503.18991.
    """
    values = dissimilarity.detach()
    found = torch.ones_like(values)
    for place in topic.unique().tolist():
        rows = topic == place
        found[rows] = torch.sigmoid(values[rows]) / torch.sigmoid(values[rows].mean())
    return found


def responsiveness(gaps: Tensor, *, deviations: float = 2.0) -> float:
    """The model's factor of DR-IRL: how far the reward gaps change where outliers are left out.

    α = σ(mean of the gaps within mean ± n standard deviations) / σ(mean of all gaps)

    Args:
        gaps: [P] reward of the demonstration minus that of the policy's response.
        deviations: n; the paper does not state its threshold.

    Example:
        >>> responsiveness(torch.tensor([0.5, 0.5, 0.5]))
        1.0

    Reference:
        As `topic_difficulty`.
    """
    values = gaps.detach()
    if len(values) < 2:
        return 1.0
    kept = values[(values - values.mean()).abs() <= deviations * values.std()]
    return float(torch.sigmoid(kept.mean()) / torch.sigmoid(values.mean()))
