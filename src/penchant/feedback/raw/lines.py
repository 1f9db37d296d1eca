"""`Lines`, the rows of files and data sets with their places, read once and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from penchant.errors import DataError
from penchant.feedback.kept import Kept
from penchant.feedback.places import Opened
from penchant.feedback.records import Source

__all__ = ["Line", "Lines"]


class Line(NamedTuple):
    """A row with its place, in the file or data set that it is from."""

    place: Source
    row: dict[str, Any] | DataError
    opened: Opened


class Lines:
    """Lines that can be read again and again; many are on disk.

    Args:
        opened: the files and data sets that lines come from.
    """

    def __init__(self, opened: Iterable[Opened]) -> None:
        self.opened = list(opened)
        self._names = [Path(each.name).name for each in self.opened]
        self._numbers = {id(each): number for number, each in enumerate(self.opened)}
        self._kept: Kept[tuple[int, int, dict[str, Any] | DataError]] = Kept()

    def add(self, opened: Opened, number: int, row: dict[str, Any] | DataError) -> None:
        """Add a line of one of the files.

        Args:
            opened: the file.
            number: of the line, from 1.
            row: the row, or its error.
        """
        self._kept.append((self._numbers[id(opened)], number, row))

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Line]:
        opened, names = self.opened, self._names
        for at, number, row in self._kept:
            yield Line(Source(names[at], number), row, opened[at])

    @property
    def rows(self) -> Rows:
        """The rows that could be read."""
        return Rows(self)


class Rows:
    """The rows of lines, without the errors; can be read again and again."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (row for _, _, row in self.lines._kept if isinstance(row, dict))

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None
