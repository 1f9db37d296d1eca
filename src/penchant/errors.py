"""Exception classes, and the hint that names the nearest valid choice.

Every error states what was found, where, why it matters, and how to fix it. The command line prints exactly this text;
``--debug`` adds the traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CheckpointError",
    "ConfigurationError",
    "DataError",
    "MisreadError",
    "ModelError",
    "OutputError",
    "PenchantError",
    "TrainingError",
    "nearest",
]


class PenchantError(Exception):
    """Base of all errors that Penchant raises on purpose.

    Args:
        what: what was found, and what was expected, as a sentence.
        where: file and line, recipe key, option, or another place to look at.
        why: why it matters, where that is not obvious.
        fix: what to do next.

    Example:
        >>> print(PenchantError("'rejected' is empty.", where="pairs.jsonl:7", fix="Remove the line."))
        pairs.jsonl:7: 'rejected' is empty. Remove the line.
    """

    def __init__(self, what: str, *, where: str | None = None, why: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.why, self.fix = what, where, why, fix
        message = " ".join(part for part in (what, why, fix) if part)
        super().__init__(f"{where}: {message}" if where else message)


class ConfigurationError(PenchantError):
    """A recipe, an option, an objective's name or one of its hyper-parameters is wrong."""


class DataError(PenchantError):
    """A file of feedback, or a record in it, cannot be used."""


class MisreadError(DataError):
    """A record shows that the other records of its file are misread too, so that it must not be skipped alone."""


class ModelError(PenchantError):
    """A model or tokenizer cannot be loaded, or does not support the requested operation."""


class OutputError(PenchantError):
    """A result cannot be written to the requested place."""


class CheckpointError(PenchantError):
    """A checkpoint cannot be read or does not belong to this run."""


class TrainingError(PenchantError):
    """Training cannot continue, for example because the loss is not a number."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """A hint that names the closest of ``choices``, or all of them if none is close.

    Example:
        >>> nearest("dpoo", ["dpo", "ipo"])
        "Did you mean 'dpo'?"
    """
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.55)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(known)}." if known else "No names are registered."
