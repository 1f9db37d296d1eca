"""Reward heads on states that name prompt and response, fitted without a model below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.objectives import Objective, Scored

__all__ = ["by_choice", "fit_head", "named_states", "pair_accuracy", "random_pairs", "with_states"]


def named_states(prompts: int, responses: int) -> Tensor:
    """A state for each response to each prompt: one number is 1, so that a linear head is a table of rewards.

    Args:
        prompts: X.
        responses: K.

    Returns:
        [X, K, X K].

    Example:
        >>> named_states(2, 1)[1, 0]
        tensor([0., 1.], dtype=torch.float64)
    """
    return torch.eye(prompts * responses, dtype=torch.float64).reshape(prompts, responses, -1)


def with_states(states: Tensor, starts: Tensor | None = None) -> Scored:
    """Responses whose last tokens have these states.

    Args:
        states: [R, D].
        starts: [R, D] the states at the last tokens of their prompts; zeros if absent.

    Example:
        >>> with_states(torch.ones(2, 3)).end_state.shape
        torch.Size([2, 3])
    """
    nothing = torch.zeros(len(states), 1, dtype=states.dtype)
    ends = torch.stack([torch.zeros_like(states) if starts is None else starts, states], dim=1)
    return Scored(nothing, None, nothing == 0, ends=ends, likelihood=False)


def fit_head(
    objective: Objective,
    inputs: Mapping[str, Any],
    width: int,
    steps: int = 300,
    learning_rate: float = 0.05,
) -> Objective:
    """Fit the heads of an objective to all examples at once, by Adam.

    Args:
        objective: with a reward head; it is moved to double precision and changed.
        inputs: its views and fields.
        width: D, the size of a state.
        steps: number of steps.
        learning_rate: of Adam.

    Returns:
        The objective.

    Example:
        >>> from penchant.objectives import build
        >>> states = named_states(1, 2)[0]
        >>> pair = {"chosen": with_states(states[:1]), "rejected": with_states(states[1:])}
        >>> rewards = fit_head(build("bt"), pair, width=2).reward_head(states)
        >>> bool(rewards[0] > rewards[1])
        True
    """
    objective.bind(width)
    objective.double()
    optimizer = torch.optim.Adam(objective.parameters(), lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        objective(**inputs).values.mean().backward()
        optimizer.step()
    return objective


def random_pairs(generator: torch.Generator, count: int, width: int) -> tuple[Tensor, Tensor]:
    """The states of two responses to each of many prompts, [count, width] each, normal numbers.

    Args:
        generator: of the draws.
        count: number of pairs.
        width: D.
    """
    both = torch.randn(2, count, width, generator=generator, dtype=torch.float64)
    return both[0], both[1]


def by_choice(wins: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """The states of the preferred and of the other responses.

    Args:
        wins: [N] whether the first is preferred.
        first: [N, D].
        second: [N, D].
    """
    mask = wins.unsqueeze(1)
    return torch.where(mask, first, second), torch.where(mask, second, first)


def pair_accuracy(objective: Objective, better: Tensor, worse: Tensor) -> float:
    """The share of pairs whose better response has the larger reward, by a head of one output.

    Args:
        objective: with a fitted head.
        better: [N, D] states of the better responses.
        worse: [N, D] of the others.
    """
    good, bad = (objective.rewards(with_states(each)) for each in (better, worse))
    assert good is not None and bad is not None
    return float((good > bad).double().mean())
