"""Policies over steps, as tables of logits; `Trees`, trees of three binary steps with noisy values at their leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.objectives import Scored

__all__ = ["Trees", "scored", "share_of_right", "trained"]


@dataclass(frozen=True)
class Trees:
    """Trees of eight leaves.

    Args:
        prompt: [trees] the prompt that each tree answers.
        options: [trees, 8, 3] the option at each step on the way to a leaf.
        values: [trees, 8] the noisy value of each leaf.
    """

    prompt: Tensor
    options: Tensor
    values: Tensor


def scored(policy: Tensor, reference: Tensor, prompt: Tensor, options: Tensor, first: int = 0) -> Scored:
    """Responses of one token a step, from step ``first`` on; ``options`` is [R, steps]."""
    steps = torch.arange(first, first + options.shape[1])
    own, other = (table[prompt.unsqueeze(1), steps, options] for table in (policy, reference))
    return Scored(own, other, torch.ones_like(own) > 0)


def trained(loss: Callable[[Tensor], Tensor], reference: Tensor) -> Tensor:
    """The policy after 100 steps from the reference."""
    table = reference.clone().requires_grad_()
    optimizer = torch.optim.Adam([table], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        loss(table.log_softmax(-1)).backward()
        optimizer.step()
    return table.detach().log_softmax(-1)


def share_of_right(policy: Tensor, right: Tensor) -> float:
    """The mean probability of the right option of a step."""
    return float(policy.exp().gather(-1, right.unsqueeze(-1)).mean())
