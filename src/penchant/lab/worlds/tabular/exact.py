"""Exact quantities of policies in a tabular world: expectations are sums, not samples."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.policies import Policy, log_probabilities
from penchant.lab.worlds.tabular.world import World

__all__ = [
    "divergence",
    "expected_reward",
    "exploitability",
    "nash_policy",
    "optimal_policy",
    "policy_of_reward",
    "ranked_rightly",
    "ranking_accuracy",
    "regularised_value",
    "suboptimality",
    "win_rate",
]


def optimal_policy(world: World, beta: float) -> Tensor:
    """The policy that maximises the KL-regularised reward.

    π*(y|x) = π_ref(y|x) exp(r(x, y) / β) / Z(x)

    Args:
        world: a world with reward and reference.
        beta: weight of the divergence, above 0, in reward per nat.

    Returns:
        [X, K] log-probabilities.

    Reference:
        Rafailov et al. (2023), Direct Preference Optimization, eq. 4.
    """
    return (world.reference + world.reward / beta).log_softmax(-1)


def policy_of_reward(world: World, reward: float) -> Tensor:
    """The policy closest to the reference in reverse KL among those with a given expected reward.

    It is π*(y|x) ∝ π_ref(y|x) exp(r(x, y) / β) with the β, common to all prompts, that gives this reward.

    Args:
        world: a world with reward and reference.
        reward: expected reward, between that of the reference and the maximum.

    Returns:
        [X, K] log-probabilities.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world
        >>> world = build_world(Dials(), seed=0)
        >>> round(expected_reward(world, policy_of_reward(world, 0.7)), 6)
        0.7
    """
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = (low * high) ** 0.5
        if expected_reward(world, optimal_policy(world, middle)) > reward:
            low = middle
        else:
            high = middle
    return optimal_policy(world, low)


def expected_reward(world: World, policy: Policy | Tensor) -> float:
    """The mean true reward, (1 / X) Σ_x Σ_y π(y|x) r(x, y).

    Args:
        world: a world with reward.
        policy: a policy, or its log-probabilities [X, K].

    Returns:
        In units of reward.
    """
    return float((log_probabilities(policy).exp() * world.reward).sum(-1).mean())


def divergence(policy: Policy | Tensor, reference: Policy | Tensor) -> float:
    """KL(π ‖ π_ref), averaged over prompts, in nats.

    Args:
        policy: a policy, or its log-probabilities [X, K].
        reference: a policy, or its log-probabilities [X, K].

    Returns:
        At least 0.
    """
    logp, other = log_probabilities(policy), log_probabilities(reference)
    # A response with probability 0 contributes 0, whatever its probability under the other policy.
    return float(torch.where(logp > -torch.inf, logp.exp() * (logp - other), 0.0).sum(-1).mean())


def regularised_value(world: World, policy: Policy | Tensor, beta: float) -> float:
    """The KL-regularised reward: expected reward − β KL(π ‖ π_ref).

    Args:
        world: a world with reward and reference.
        policy: a policy, or its log-probabilities [X, K].
        beta: weight of the divergence, in reward per nat.

    Returns:
        In units of reward; maximal at `optimal_policy`.
    """
    return expected_reward(world, policy) - beta * divergence(policy, world.reference)


def suboptimality(world: World, policy: Policy | Tensor, beta: float | None = None) -> float:
    """The gap between the optimal value and the value of a policy.

    Args:
        world: a world with reward and reference.
        policy: a policy, or its log-probabilities [X, K].
        beta: weight of the divergence from the reference; if None, only the reward counts, and the optimal policy
            always gives the best response.

    Returns:
        At least 0, in units of reward.
    """
    if beta is None:
        return float(world.reward.max(-1).values.mean()) - expected_reward(world, policy)
    return regularised_value(world, optimal_policy(world, beta), beta) - regularised_value(world, policy, beta)


def win_rate(world: World, policy: Policy | Tensor, opponent: Policy | Tensor) -> float:
    """The win rate of a policy against an opponent, (1 / X) Σ_x Σ_ij π(i|x) P_ij(x) μ(j|x).

    Args:
        world: a world with true preferences.
        policy: a policy, or its log-probabilities [X, K].
        opponent: a policy, or its log-probabilities [X, K].

    Returns:
        In [0, 1]; ½ against itself.
    """
    first, second = log_probabilities(policy).exp(), log_probabilities(opponent).exp()
    return float(torch.einsum("xi,xij,xj->x", first, world.preference, second).mean())


def exploitability(world: World, policy: Policy | Tensor) -> float:
    """The gap to a Nash equilibrium: the win rate of the best response against a policy, minus one half.

    gap = (1 / X) Σ_x max_i Σ_j P_ij(x) π(j|x) − ½

    Args:
        world: a world with true preferences.
        policy: a policy, or its log-probabilities [X, K].

    Returns:
        In [0, ½]; 0 if and only if the policy is an equilibrium.
    """
    against = torch.einsum("xij,xj->xi", world.preference, log_probabilities(policy).exp())
    return float(against.max(-1).values.mean()) - 0.5


def nash_policy(world: World) -> Tensor:
    """The Nash equilibrium of the preference game: no policy beats it more than half the time.

    max v  subject to  Σ_i π(i) P_ij ≥ v for all j, π in the simplex;   v = ½

    Args:
        world: a world with true preferences.

    Returns:
        [X, K] log-probabilities, −∞ outside the equilibrium's support.

    Reference:
        Munos et al. (2023), Nash Learning from Human Feedback.
    """
    from scipy.optimize import linprog

    responses = world.dials.responses
    rows = []
    for table in world.preference:
        found = linprog(
            c=[0.0] * responses + [-1.0],
            A_ub=torch.cat([-table.T, torch.ones(responses, 1, dtype=torch.float64)], dim=1).numpy(),
            b_ub=[0.0] * responses,
            A_eq=[[1.0] * responses + [0.0]],
            b_eq=[1.0],
            bounds=[(0, 1)] * (responses + 1),
            method="highs",
        )
        rows.append(torch.tensor(found.x[:responses], dtype=torch.float64))
    probabilities = torch.stack(rows).clamp(min=0)
    return (probabilities / probabilities.sum(-1, keepdim=True)).log()


def ranking_accuracy(world: World, policy: Policy | Tensor) -> float:
    """The share of response pairs in which the one with the higher true reward is more likely.

    Args:
        world: a world with reward.
        policy: a policy, or its log-probabilities [X, K].

    Returns:
        In [0, 1]; equal log-probabilities count half.

    Reference:
        Chen et al. (2024), Preference Learning Algorithms Do Not Learn Preference Rankings, definition 2.1.
    """
    return ranked_rightly(world.reward, log_probabilities(policy))


def ranked_rightly(true: Tensor, claimed: Tensor) -> float:
    """The share of pairs within rows that the claimed numbers order like the true ones.

    Args:
        true: [X, K].
        claimed: [X, K]; numbers closer than 1e-9 count as equal, so that rounding does not matter.

    Returns:
        In [0, 1]; claimed ties count half.

    Example:
        >>> ranked_rightly(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.1, 0.1, 0.5]]))
        0.8333333333333334
    """
    lead = claimed.unsqueeze(-1) - claimed.unsqueeze(-2)
    right = 0.5 + 0.5 * torch.sign(torch.where(lead.abs() < 1e-9, 0.0, lead).double())
    return float(right[true.unsqueeze(-1) > true.unsqueeze(-2)].mean())
