"""Regret matching in symmetric zero-sum matrix games: strategies, solving, and exploitability."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.errors import ConfigurationError

__all__ = ["check_symmetric", "exploitability", "regret_matching", "solve_matrix"]

# Payoffs that differ from their mirror image by more than this are not those of a symmetric game.
_ASYMMETRY = 1e-6


def regret_matching(regrets: Tensor) -> Tensor:
    """The strategy that plays each action in proportion to its positive regret.

    σ(a) = max(R(a), 0) / Σ_b max(R(b), 0),   uniform where no regret is positive

    Args:
        regrets: [..., A] what an action would have gained so far, in units of payoff.

    Returns:
        [..., A] probabilities.

    Example:
        >>> regret_matching(torch.tensor([[3.0, 1.0, -2.0], [-1.0, 0.0, -2.0]]))
        tensor([[0.7500, 0.2500, 0.0000],
                [0.3333, 0.3333, 0.3333]])

    Reference:
        Hart, Mas-Colell (2000), A Simple Adaptive Procedure Leading to Correlated Equilibrium.
    """
    positive = regrets.clamp(min=0)
    largest = positive.amax(-1, keepdim=True)
    # As parts of the largest, regrets at either end of the floats neither vanish nor overflow in the sum.
    parts = positive / torch.where(largest > 0, largest, 1)
    return torch.where(largest > 0, parts / parts.sum(-1, keepdim=True).clamp(min=1), 1 / regrets.shape[-1])


def check_symmetric(payoff: Tensor) -> None:
    """Refuse payoffs that are not those of a symmetric zero-sum game.

    Args:
        payoff: [A, A] what action i gains against action j.

    Raises:
        ConfigurationError: it is not square, has a value that is not finite, or u_ij ≠ −u_ji.

    Example:
        >>> check_symmetric(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: game: Action 0 gains 1 against action 1, and that one gains 1 against it...
    """
    if payoff.ndim != 2 or payoff.shape[0] != payoff.shape[1] or not payoff.numel():
        raise ConfigurationError(
            f"The payoffs have shape {list(payoff.shape)}.", where="game", fix="Give a square table, one row an action."
        )
    off = (payoff + payoff.T).abs()
    wrong = (~(off <= _ASYMMETRY)).nonzero()  # NaN is wrong too
    if len(wrong):
        first, second = wrong[0].tolist()
        raise ConfigurationError(
            f"Action {first} gains {float(payoff[first, second]):g} against action {second}, and that one gains "
            f"{float(payoff[second, first]):g} against it.",
            where="game",
            why="What one side of a symmetric zero-sum game gains, the other loses.",
            fix="Give payoffs with u_ij = −u_ji; of win rates P with P_ij + P_ji = 1, these are P − ½.",
        )


def solve_matrix(payoff: Tensor, rounds: int = 10_000) -> Tensor:
    """The average strategy of regret matching against oneself, which approaches an equilibrium.

    R_t(a) = max(R_{t−1}(a) + u_t(a) − Σ_b σ_t(b) u_t(b), 0),   u_t = payoff · σ_t,   average: Σ_t t σ_t / Σ_t t

    Regrets stay at or above 0 and later strategies weigh more (regret matching plus), which converges faster. The
    exploitability of the average falls at least as 1 / √rounds.

    Args:
        payoff: [A, A] what action i gains against action j; antisymmetric.
        rounds: of play.

    Returns:
        [A] probabilities, float64.

    Raises:
        ConfigurationError: the game is not symmetric, see `check_symmetric`.

    Example:
        >>> rock_paper_scissors = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
        >>> solve_matrix(rock_paper_scissors)
        tensor([0.3333, 0.3333, 0.3333], dtype=torch.float64)

    Reference:
        Zinkevich et al. (2007), Regret Minimization in Games with Incomplete Information; Tammelin (2014), Solving
        Large Imperfect Information Games Using CFR+.
    """
    check_symmetric(payoff)
    gains = payoff.double()
    regrets, total = torch.zeros(len(gains), dtype=torch.float64), torch.zeros(len(gains), dtype=torch.float64)
    for time in range(1, rounds + 1):
        strategy = regret_matching(regrets)
        each = gains @ strategy
        regrets = (regrets + each - strategy @ each).clamp(min=0)
        total += time * strategy
    return total / total.sum()


def exploitability(payoff: Tensor, strategy: Tensor) -> Tensor:
    """What the best reply to a strategy gains in a symmetric zero-sum game.

    max_a Σ_b payoff(a, b) σ(b)

    Args:
        payoff: [A, A] antisymmetric.
        strategy: [..., A] probabilities.

    Returns:
        [...] of at least 0, in units of payoff; 0 at an equilibrium alone.

    Example:
        >>> payoff = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
        >>> exploitability(payoff, torch.tensor([1.0, 0.0, 0.0]))
        tensor(1.)

    Reference:
        Xu et al. (2025), Learning Strategic Language Agents in the Werewolf Game with Iterative Latent Space Policy
        Optimization, arXiv:2502.04686.
    """
    return (strategy @ payoff.T.to(strategy.dtype)).amax(-1)
