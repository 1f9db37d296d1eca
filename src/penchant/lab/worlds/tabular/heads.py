"""Reward heads on states that name prompt and response, fitted without a model below them."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives import Objective, Scored

__all__ = ["fit_head", "named_states", "with_states"]


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


def with_states(states: Tensor) -> Scored:
    """Responses whose last tokens have these states, and their prompts zeros.

    Args:
        states: [R, D].

    Example:
        >>> with_states(torch.ones(2, 3)).end_state.shape
        torch.Size([2, 3])
    """
    nothing = torch.zeros(len(states), 1, dtype=states.dtype)
    ends = torch.stack([torch.zeros_like(states), states], dim=1)
    return Scored(nothing, None, nothing == 0, ends=ends, likelihood=False)


def fit_head(
    objective: Objective, inputs: dict[str, Scored | Tensor], width: int, steps: int = 300, learning_rate: float = 0.05
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
