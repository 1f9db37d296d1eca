"""`Lines`, the rows of files and data sets with their places, read once and kept."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

from penchant.errors import DataError
from penchant.feedback.kept import Kept
from penchant.feedback.places import Opened
from penchant.feedback.records import Source

__all__ = ["Line", "Lines", "Places"]


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

    @property
    def places(self) -> Places:
        """File and line of every row."""
        return Places(self)


class Places(Sequence[Source]):
    """File and line of every row of lines, a few bytes each; ``opened`` says which file it is."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._files, self._numbers = array("I"), array("Q")
        for at, number, _ in lines._kept:
            self._files.append(at)
            self._numbers.append(number)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Source: ...
    @overload
    def __getitem__(self, index: slice) -> list[Source]: ...
    def __getitem__(self, index: int | slice) -> Source | list[Source]:
        if isinstance(index, slice):
            return [self[at] for at in range(len(self))[index]]
        return Source(self.lines._names[self._files[index]], self._numbers[index])

    def opened(self, index: int) -> Opened:
        """The file or data set of a row."""
        return self.lines.opened[self._files[index]]


class Rows:
    """The rows of lines, without the errors; can be read again and again."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (row for _, _, row in self.lines._kept if isinstance(row, dict))

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None
