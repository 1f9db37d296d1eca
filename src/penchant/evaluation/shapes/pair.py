"""Metrics of pairs: margin and accuracy of the preferred response against the other one."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.evaluation.shapes.shape import SHAPES, Measured
from penchant.evaluation.tally import win
from penchant.feedback.records import TIE
from penchant.feedback.views.view import find_view
from penchant.objectives.core.scored import Scored

__all__ = ["compared", "pair_metrics"]


def compared(views: Mapping[str, Scored]) -> tuple[Scored, Scored] | None:
    """The views of the preferred and of the other responses, with or without their prompts; None if there are no pairs.

    Example:
        >>> compared({}) is None
        True
    """
    for name in sorted(views):  # "chosen" before "chosen_joint"
        other = find_view(name).against
        if other is not None and other in views:
            return views[name], views[other]
    return None


@SHAPES.register("pair")
def pair_metrics(measured: Measured) -> None:
    """Margins and accuracies of the pairs.

    ``logps/accuracy`` (mean log-probability per token of chosen above that of rejected), ``rewards/margin``,
    ``rewards/accuracy`` and ``rewards/ties``; in an accuracy equal rewards count half. Pairs of which the data say that
    neither response is preferred (``probability`` one half) do not count.
    """
    tally, objective, counted = measured.tally, measured.objective, measured.counted
    if "probability" in measured.fields:
        counted = counted * (measured.fields["probability"] != TIE)
    pair = compared(measured.views)
    if pair is None:
        return
    chosen, rejected = pair
    if chosen.likelihood:
        tally.add("logps/accuracy", win(chosen.mean_logp.detach() - rejected.mean_logp.detach()), counted)
    better, worse = objective.rewards(chosen), objective.rewards(rejected)
    if better is None or worse is None:
        return
    margin = better - worse
    tally.add("rewards/margin", margin, counted)
    tally.add("rewards/accuracy", win(margin), counted)
    tally.add("rewards/ties", (win(margin) == 0.5).float(), counted)
