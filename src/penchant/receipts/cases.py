"""A published case: inputs and expected outputs of an implementation, under the names of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from penchant.errors import ConfigurationError, nearest

__all__ = ["Case", "named_variant"]

T = TypeVar("T")


class _Given(dict[str, Any]):
    """What a case gives under its published names; a name that is absent is an error in words."""

    def __init__(self, values: Mapping[str, Any], what: str, where: str) -> None:
        super().__init__(values)
        self.what, self.where = what, where

    def __missing__(self, name: str) -> Any:
        raise ConfigurationError(
            f"The {self.what} {name!r} is missing; the case has {', '.join(map(repr, sorted(self))) or 'none'}.",
            where=self.where,
        )


@dataclass(frozen=True)
class Case:
    """A case as adapters see it.

    Args:
        method: the published id of the method.
        params: hyper-parameters under their published names.
        inputs: numbers and lists under their published names.
        name: the name of the case; empty if it has none.
        file: the name of its file without suffix; empty if it is not from a file.

    Example:
        >>> Case("grpo", {}, {}, "loss: GMPO clip 0.4", "online").variant
        'GMPO'
    """

    method: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Any]
    name: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        where = f"case {self.name!r} of {self.method}" if self.name else self.method
        object.__setattr__(self, "params", _Given(self.params, "hyper-parameter", where))
        object.__setattr__(self, "inputs", _Given(self.inputs, "input", where))

    @property
    def variant(self) -> str:
        """The first word after the colon in the name; empty if there is none."""
        words = self.name.partition(":")[2].split()
        return words[0].rstrip(",;") if words else ""


def named_variant(case: Case, table: Mapping[str, T]) -> T | None:
    """The variant given by the name of a case, for cases whose parameters and inputs do not determine it.

    Args:
        case: any case.
        table: the variants by the first word after the colon.

    Returns:
        The entry for that word; None if the name has no colon.

    Raises:
        ConfigurationError: the word is not in the table.

    Example:
        >>> table = {"GMPO": "geometric mean"}
        >>> named_variant(Case("grpo", {}, {}, "loss: GMPO clip 0.4"), table)
        'geometric mean'
        >>> named_variant(Case("grpo", {}, {}, "loss: GMPQ clip 0.4"), table)
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: case 'loss: GMPQ clip 0.4' of grpo: There is no variant 'GMPQ'. ...
    """
    word = case.variant
    if word and word not in table:
        raise ConfigurationError(
            f"There is no variant {word!r}.", where=f"case {case.name!r} of {case.method}", fix=nearest(word, table)
        )
    return table[word] if word else None
