"""One pair of responses with given log-ratios: its loss, and the loss's slope in each of the two."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from penchant.objectives import Objective, Scored


class Outcome(NamedTuple):
    """The loss of a pair, and its derivative in the log-probability of either response."""

    loss: float
    chosen_slope: float
    rejected_slope: float


def of_tokens(policy: list[float], reference: list[float] | None = None) -> Scored:
    """One response with these log-probabilities of its tokens."""
    tokens = torch.tensor([policy], dtype=torch.float64, requires_grad=True)
    other = None if reference is None else torch.tensor([reference], dtype=torch.float64)
    return Scored(tokens, other, torch.ones_like(tokens) > 0)


def of_ratio(ratio: float, length: int = 1) -> Scored:
    """One response with this log-ratio in all; the reference gives −40 to its first token, −1 to each further one."""
    further = [-1.0] * (length - 1)
    return of_tokens([ratio - 40.0, *further], [-40.0, *further])


def outcome(objective: Objective, chosen: Scored | float, rejected: Scored | float, **fields: float) -> Outcome:
    """The loss of one pair of views or of log-ratios, with the record's fields."""
    pair = [each if isinstance(each, Scored) else of_ratio(each) for each in (chosen, rejected)]
    told: dict[str, Tensor] = {name: torch.tensor([value], dtype=torch.float64) for name, value in fields.items()}
    values = objective(chosen=pair[0], rejected=pair[1], **told).values
    leaves = [view.policy for view in pair]
    # A view keeps its sums, so a pair that is looked at again needs its graph again.
    slopes = torch.autograd.grad(values.sum(), leaves, retain_graph=True, allow_unused=True, materialize_grads=True)
    return Outcome(values.item(), *(slope[0, 0].item() for slope in slopes))
