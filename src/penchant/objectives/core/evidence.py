"""Evidence: on what grounds an implementation is taken to be correct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penchant.errors import ConfigurationError

__all__ = ["INDEPENDENT_CODE", "OFFICIAL_CODE", "PAPER", "Evidence", "reconstruction"]


@dataclass(frozen=True)
class Evidence:
    """The grounds on which a method is taken to be correct.

    Args:
        kind: ``official code``: it reproduces the numbers of the authors' published code; ``independent code``: those
            of published code by others; ``paper``: it implements the formula printed in the paper, and tests check its
            properties; ``reconstruction``: constants or form are our reading.
        note: for a reconstruction, a sentence that states what is our reading; empty otherwise.

    Raises:
        ConfigurationError: a reconstruction without a note, or a note on another kind.

    Example:
        >>> str(OFFICIAL_CODE), str(reconstruction("The default of λ is ours."))
        ('official code', 'reconstruction')
    """

    kind: Literal["official code", "independent code", "paper", "reconstruction"]
    note: str = ""

    def __post_init__(self) -> None:
        if (self.kind == "reconstruction") != bool(self.note.strip()):
            raise ConfigurationError(
                f"The evidence is {self.kind!r} and its note is {self.note!r}.",
                fix='State what is our reading with `reconstruction("…")`; the other kinds take no note.',
            )

    def __str__(self) -> str:
        return self.kind


#: The method reproduces the numbers of published code; the cases are in the tests or in the shared case files.
OFFICIAL_CODE = Evidence("official code")
#: The same of published code by others than the authors of the method.
INDEPENDENT_CODE = Evidence("independent code")
#: The formula is the paper's, and tests check its properties; there is no comparison with published code.
PAPER = Evidence("paper")


def reconstruction(note: str) -> Evidence:
    """Evidence of a method rebuilt from a description that leaves details open.

    Args:
        note: one or two sentences on which constants, or which part of the form, are our reading.

    Example:
        >>> reconstruction("The default of λ is ours.").note
        'The default of λ is ours.'
    """
    return Evidence("reconstruction", note)
