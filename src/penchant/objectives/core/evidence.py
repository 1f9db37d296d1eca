"""Evidence: how it is known that a method is what its paper says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penchant.errors import ConfigurationError

__all__ = ["OFFICIAL_CODE", "PAPER", "Evidence", "reconstruction"]


@dataclass(frozen=True)
class Evidence:
    """How a method is known to be right.

    Args:
        kind: ``official code``: it gives the numbers of published code; ``paper``: the formula is printed in the paper
            and its properties are tested; ``reconstruction``: constants or form are our reading.
        note: for a reconstruction the sentence that says what is our reading; empty otherwise.

    Raises:
        ConfigurationError: a reconstruction does not say what is our reading.

    Example:
        >>> str(OFFICIAL_CODE), str(reconstruction("The default of λ is ours."))
        ('official code', 'reconstruction')
    """

    kind: Literal["official code", "paper", "reconstruction"]
    note: str = ""

    def __post_init__(self) -> None:
        if (self.kind == "reconstruction") != bool(self.note.strip()):
            raise ConfigurationError(
                f"The evidence is {self.kind!r} and its note is {self.note!r}.",
                fix='Say what is our reading with `reconstruction("…")`; the other kinds have no note.',
            )

    def __str__(self) -> str:
        return self.kind


#: The method gives the numbers of published code; the cases lie with the tests or in the shared files of cases.
OFFICIAL_CODE = Evidence("official code")
#: The formula is the paper's, and tests check its properties; no published code was compared with.
PAPER = Evidence("paper")


def reconstruction(note: str) -> Evidence:
    """The method is rebuilt from a description that leaves something open.

    Args:
        note: one or two sentences: which constants, or what of the form, are our reading.

    Example:
        >>> reconstruction("The default of λ is ours.").note
        'The default of λ is ours.'
    """
    return Evidence("reconstruction", note)
