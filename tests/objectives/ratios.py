"""Small batches for properties: responses of one token with given log-ratios, or of given tokens; their losses."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch

from penchant.objectives import Scored, build

#: Log-probability of every response under the reference, nats.
LEVEL = -60.0


def with_ratios(ratios: Sequence[float], levels: Sequence[float] | None = None) -> Scored:
    """One response of one token for each log-ratio; ``levels`` are the reference's log-probabilities."""
    reference = torch.tensor([LEVEL] * len(ratios) if levels is None else levels, dtype=torch.float64).unsqueeze(1)
    policy = reference + torch.tensor(ratios, dtype=torch.float64).unsqueeze(1)
    return Scored(policy.requires_grad_(), reference, torch.ones_like(policy) > 0)


def with_tokens(*rows: Sequence[float]) -> Scored:
    """A response of each row's log-probabilities, without a reference."""
    width = max(map(len, rows))
    padded = [[*row, *[float("nan")] * (width - len(row))] for row in rows]
    policy = torch.tensor(padded, dtype=torch.float64, requires_grad=True)
    return Scored(policy, None, ~torch.isnan(policy.detach()))


def values(name: str, chosen: Scored, rejected: Scored, **hyper: Any) -> list[float]:
    """The losses."""
    found: list[float] = build(name, **hyper)(chosen=chosen, rejected=rejected).values.tolist()
    return found


def slopes(name: str, chosen: Scored, rejected: Scored, **hyper: Any) -> tuple[list[list[float]], list[list[float]]]:
    """The gradient of the summed losses in every token of the chosen and of the rejected responses."""
    losses = build(name, **hyper)(chosen=chosen, rejected=rejected).values
    # The views keep their sums, and with them the graph, for the next objective that they are given to.
    up, down = torch.autograd.grad(losses.sum(), [chosen.policy, rejected.policy], retain_graph=True)
    return up.tolist(), down.tolist()


def finite_at_extremes(name: str, **hyper: Any) -> bool:
    """Whether losses and gradients are finite where log-probabilities are 0 or −1e4, in float32."""
    found: list[torch.Tensor] = []
    for numbers in itertools.product([0.0, -1e4], repeat=4):
        policies = [torch.full((2, 5), number, requires_grad=True) for number in numbers[:2]]
        views = [
            Scored(policy, torch.full((2, 5), number), torch.ones(2, 5, dtype=torch.bool))
            for policy, number in zip(policies, numbers[2:], strict=True)
        ]
        losses = build(name, **hyper)(chosen=views[0], rejected=views[1]).values
        found += [losses, *torch.autograd.grad(losses.sum(), policies)]
    return all(bool(torch.isfinite(each).all()) for each in found)
