"""`apart`: refuses a retain set that contains records of the forget set, or leaves them out of it."""

from __future__ import annotations

from penchant.checks.forget_retain import shared_records
from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.sources import Sources
from penchant.training.progress import ProgressReporter

__all__ = ["apart"]

#: Rows that an error names.
NAMED = 5


def apart(feedback: Feedback, on_bad: str, reporter: ProgressReporter) -> Feedback:
    """The feedback, if no record is to be forgotten and to be kept.

    Args:
        feedback: of a run; anything without the sources ``forget`` and ``retain`` is returned unchanged.
        on_bad: ``skip`` leaves such records out of the retain set, and says so.
        reporter: says what is left out.

    Raises:
        DataError: records stand in both sets; the message names their rows.
    """
    if not isinstance(feedback, Sources) or not {"forget", "retain"} <= set(feedback.parts):
        return feedback
    forget, retain = feedback.parts["forget"], feedback.parts["retain"]
    both = shared_records(forget, retain)
    if not both:
        return feedback
    rows = ", ".join(f"retain {kept.source} is forget {lost.source}" for lost, kept in both[:NAMED])
    more = f" and {len(both) - NAMED} more" if len(both) > NAMED else ""
    found = f"{len(both)} of {len(retain)} retain records are also to be forgotten: {rows}{more}."
    out = {id(kept) for _, kept in both}
    rest = [record for record in retain if id(record) not in out]
    if on_bad != "skip" or not rest:
        raise DataError(
            found,
            where=retain.name,
            why="The two terms of the loss would pull such a record in opposite directions.",
            fix="Remove these rows from the retain set"
            + ("." if not rest else ", or give on_bad=skip, which leaves them out of it."),
        )
    reporter.warn(f"{found} They are left out of the retain set.")
    return Sources({**feedback.parts, "retain": retain.part(rest, retain.bad, retain.ties)}, feedback.weights)
