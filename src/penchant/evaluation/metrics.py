"""Numbers about a batch, kept as (sum, count) pairs until the end, so that no average of averages is ever taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from penchant.forest.collate import AnyBatch
from penchant.objectives.core.objective import Losses, Objective
from penchant.objectives.core.scored import Scored

__all__ = ["ROUNDING", "Tally", "batch_metrics", "compared", "win"]

# Rewards that differ by less are equal but for rounding: a cached reference was computed in other batches.
ROUNDING = 1e-4

Reduce = Callable[[Tensor], Tensor]


class Tally:
    """Named (sum, count) pairs.

    Example:
        >>> tally = Tally()
        >>> tally.add("loss", torch.tensor([1.0, 2.0])); tally.add("loss", torch.tensor([6.0]))
        >>> tally.means()
        {'loss': 3.0}
    """

    def __init__(self) -> None:
        self._pairs: dict[str, Tensor] = {}

    def add(self, name: str, values: Tensor, counted: Tensor | None = None) -> None:
        """Add values [B]; those with ``counted`` 0 take no part."""
        values = values.detach().double()
        counted = torch.ones_like(values) if counted is None else counted.to(values.dtype)
        # ``where`` and not a product: an uncounted NaN must not spread.
        pair = torch.stack([torch.where(counted > 0, values * counted, 0.0).sum(), counted.sum()])
        self._pairs[name] = self._pairs[name] + pair if name in self._pairs else pair

    def add_ratio(self, name: str, numerator: float, denominator: float) -> None:
        """Add to a mean whose sum and count are known as plain numbers."""
        pair = torch.tensor([float(numerator), float(denominator)], dtype=torch.double)
        self._pairs[name] = self._pairs[name] + pair if name in self._pairs else pair

    def means(self, reduce: Reduce | None = None) -> dict[str, float]:
        """The mean of each name, over all processes where ``reduce`` sums a tensor over them."""
        if not self._pairs:
            return {}
        names = sorted(self._pairs)
        table = torch.stack([self._pairs[name].cpu() for name in names])
        if reduce is not None:
            table = reduce(table)
        return {name: float(row[0] / row[1]) for name, row in zip(names, table, strict=True) if row[1] > 0}

    def clear(self) -> None:
        """Start anew."""
        self._pairs.clear()


def batch_metrics(
    tally: Tally, objective: Objective, views: Mapping[str, Scored], losses: Losses, batch: AnyBatch
) -> None:
    """Add what a person wants to see of a batch.

    Per view: ``logps/VIEW`` (nats a response), ``lengths/VIEW`` (tokens), ``rewards/VIEW`` (implicit reward). For
    pairs: ``rewards/margin``, ``rewards/accuracy`` (ties count half) and ``rewards/ties``, ``logps/accuracy`` (mean
    log-probability a token of chosen above that of rejected). ``kl``: per response ½ Σ_t (log π − log π_ref)², nats: an
    estimate of the divergence from the reference that is never negative and has no heavy tail, though the tokens are
    the data's and not the policy's own (Schulman, "Approximating KL Divergence", estimator k2). The objective's own
    statistics go by their names.
    """
    counted = (batch.weights > 0).float()
    tally.add("example_loss", losses.values, counted)
    for name, scored in views.items():
        rows = counted[scored.group]
        tally.add(f"logps/{name}", scored.logp, rows)
        tally.add(f"lengths/{name}", scored.length.float(), rows)
        if scored.reference is not None:
            tally.add("kl", 0.5 * scored.token_logratio.detach().square().sum(-1), rows)
        rewards = objective.rewards(scored)
        tally.add(f"rewards/{name}", *((counted[:0],) if rewards is None else (rewards, rows)))
    # Processes sum their tables row by row: another one may hold records with an optional view that these lack.
    for name in objective.requirements.views:
        if name not in views:
            for quantity in ("logps", "lengths", "rewards"):
                tally.add(f"{quantity}/{name}", counted[:0])
    if (pair := compared(views)) is not None:
        _pair_metrics(tally, objective, *pair, counted)
    for name, values in losses.statistics.items():
        tally.add(name, values, counted if values.shape == counted.shape else None)


def compared(views: Mapping[str, Scored]) -> tuple[Scored, Scored] | None:
    """The views of the preferred and of the other responses, with or without their prompts; None where there are none.

    Example:
        >>> compared({}) is None
        True
    """
    for pair in (("chosen", "rejected"), ("chosen_joint", "rejected_joint")):
        if all(name in views for name in pair):
            return views[pair[0]], views[pair[1]]
    return None


def _pair_metrics(tally: Tally, objective: Objective, chosen: Scored, rejected: Scored, counted: Tensor) -> None:
    tally.add("logps/accuracy", win(chosen.mean_logp.detach() - rejected.mean_logp.detach()), counted)
    better, worse = objective.rewards(chosen), objective.rewards(rejected)
    if better is None or worse is None:
        return
    margin = better - worse
    tally.add("rewards/margin", margin, counted)
    tally.add("rewards/accuracy", win(margin), counted)
    tally.add("rewards/ties", (win(margin) == 0.5).float(), counted)


def win(margin: Tensor) -> Tensor:
    """1 where a margin is a win, 0 where it is a loss, one half where it is zero or within rounding of it.

    Args:
        margin: of any shape, nats.

    Example:
        >>> win(torch.tensor([0.5, -0.5, 0.0, 1e-7]))
        tensor([1.0000, 0.0000, 0.5000, 0.5000])
    """
    return torch.where(margin.abs() <= ROUNDING, 0.5, (margin > 0).float())
