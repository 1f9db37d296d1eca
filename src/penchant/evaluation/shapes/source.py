"""Metrics of views that come from named sources, such as ``forget`` and ``retain``."""

from __future__ import annotations

from penchant.evaluation.shapes.shape import SHAPES, Measured

__all__ = ["source_metrics"]


@SHAPES.register("source")
def source_metrics(measured: Measured) -> None:
    """``nll/VIEW``: the negative log-likelihood per token, averaged over all tokens of the view, nats."""
    for name, scored, rows in measured.of_shape("source"):
        measured.tally.add(f"nll/{name}", -scored.mean_logp, rows * scored.length)
