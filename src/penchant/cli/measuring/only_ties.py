"""What a command that asks which response is preferred says of data that are ties alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["nothing_in_ties"]


@contextmanager
def nothing_in_ties(consequence: str) -> Iterator[None]:
    """Say of data that are ties alone what follows for a command that trains nothing.

    Args:
        consequence: the rest of a sentence that begins with "So".

    Raises:
        DataError: the data are ties alone.
    """
    from penchant.errors import DataError
    from penchant.feedback.conversion.ties import AllTiesError

    try:
        yield
    except AllTiesError as error:
        raise DataError(
            error.what,
            where=error.where,
            why=f"So {consequence}.",
            fix="Give comparisons in which one of the two responses is preferred.",
        ) from error
