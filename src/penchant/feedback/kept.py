"""`Kept`, a sequence that is in a temporary file once it is long, and `Chosen`, a part of it."""

from __future__ import annotations

import os
import pickle
import tempfile
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Generic, TypeVar, cast, overload

from penchant.errors import OutputError

__all__ = ["LARGE", "Chosen", "Kept", "chosen", "disk_errors", "kept", "read_at", "stored"]

#: Items from which on they are kept on disk.
LARGE = 20_000
#: Items that are written, and read, at once.
BLOCK = 256
#: Blocks that are kept after an item of them was read, so that items of several places can be read in turn.
RECENT = 8

Item = TypeVar("Item")


class _Items(Sequence[Item], ABC, Generic[Item]):
    """A sequence that is equal to a list of the same items."""

    @abstractmethod
    def _at(self, place: int) -> Item:
        """The item of a place, from 0."""

    @abstractmethod
    def _part(self, places: range) -> Sequence[Item]:
        """The items of some places."""

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        places = range(len(self))[index]
        return self._part(places) if isinstance(places, range) else self._at(places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | _Items):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class Kept(_Items[Item]):
    """A sequence to which items are appended; beyond some number it is in a temporary file that has no name.

    Items are written in blocks and read back as equal copies, so changing an item that was taken out changes nothing
    here. The file lies in the folder for temporary files (``TMPDIR``) and is gone when the process ends, however it
    ends. A block with an item that cannot be pickled stays in memory.

    Args:
        items: the first items.
        limit: items that are kept in memory; None for `LARGE`.

    Raises:
        OutputError: the file cannot be written, while items are appended.

    Example:
        >>> numbers = Kept(range(1000), limit=100)
        >>> len(numbers), numbers[-1], numbers[2:4], numbers == list(range(1000))
        (1000, 999, [2, 3], True)
    """

    def __init__(self, items: Iterable[Item] = (), limit: int | None = None) -> None:
        self.limit = LARGE if limit is None else limit
        self._file: BinaryIO | None = None
        self._ends = array("Q")
        #: What is not yet written; everything, while there is no file.
        self._rest: list[Item] = []
        self._unwritten: dict[int, list[Item]] = {}
        self._recent: dict[int, list[Item]] = {}
        for item in items:
            self.append(item)

    @property
    def in_memory(self) -> bool:
        """Whether all items are in memory."""
        return self._file is None

    def append(self, item: Item) -> None:
        """Add an item at the end."""
        self._rest.append(item)
        if len(self._rest) >= (BLOCK if self._file else max(self.limit, BLOCK)):
            self._write()

    def extend(self, items: Iterable[Item]) -> None:
        """Add items at the end."""
        for item in items:
            self.append(item)

    def _write(self) -> None:
        """Write the full blocks."""
        full = len(self._rest) - len(self._rest) % BLOCK
        with disk_errors():
            file = self._file = self._file or _temporary_file()
            for start in range(0, full, BLOCK):
                self._write_block(file, self._rest[start : start + BLOCK])
        del self._rest[:full]

    def _write_block(self, file: BinaryIO, block: list[Item]) -> None:
        end = self._ends[-1] if self._ends else 0
        try:
            data = pickle.dumps(block, pickle.HIGHEST_PROTOCOL)
        except Exception:  # an object of any library may be in a row
            self._unwritten[len(self._ends)] = block
            data = b""
        written = 0
        while written < len(data):
            written += file.write(memoryview(data)[written:])
        self._ends.append(end + len(data))

    def _block(self, number: int) -> list[Item]:
        if number in self._unwritten:
            return self._unwritten[number]
        start = self._ends[number - 1] if number else 0
        assert self._file is not None
        found: list[Item] = pickle.loads(read_at(self._file, start, self._ends[number] - start))
        return found

    def __len__(self) -> int:
        return len(self._ends) * BLOCK + len(self._rest)

    def _at(self, place: int) -> Item:
        number, at = divmod(place, BLOCK)
        if number >= len(self._ends):
            return self._rest[place - len(self._ends) * BLOCK]
        if number not in self._recent:
            if len(self._recent) >= RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[number] = self._block(number)
        return self._recent[number][at]

    def _part(self, places: range) -> Sequence[Item]:
        return chosen(self, places)

    def __iter__(self) -> Iterator[Item]:
        number = 0
        while number < len(self._ends):
            yield from self._block(number)
            number += 1
        yield from self._rest


def _temporary_file() -> BinaryIO:
    return cast(BinaryIO, tempfile.TemporaryFile(prefix="penchant-", buffering=0))


@contextmanager
def disk_errors() -> Iterator[None]:
    """What goes wrong with a temporary file, as one of our errors.

    Raises:
        OutputError: it cannot be made or written.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"A temporary file cannot be written: {error.strerror or error}.",
            where=tempfile.gettempdir(),
            why="What does not fit into memory is kept there.",
            fix="Make room, or name a folder on another disk with the environment variable TMPDIR.",
        ) from error


def read_at(file: BinaryIO, start: int, count: int) -> bytes:
    """Bytes of a file; where the system can, without moving its position, which forked processes share.

    Args:
        file: an unbuffered file.
        start: the first byte.
        count: number of bytes.
    """
    if not hasattr(os, "pread"):
        place = file.tell()
        file.seek(start)
        data = file.read(count)
        file.seek(place)
        return data
    parts = []
    while count:
        part = os.pread(file.fileno(), count, start)
        if not part:
            raise EOFError("A temporary file ends too early.")
        parts.append(part)
        start, count = start + len(part), count - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Chosen(_Items[Item]):
    """Some items of a sequence by their places, read when they are asked for.

    Args:
        items: the sequence.
        places: the index of each item; a range, a list, or an array of numpy.
    """

    def __init__(self, items: Sequence[Item], places: Any) -> None:
        self.items, self.places = items, places

    def __len__(self) -> int:
        return len(self.places)

    def _at(self, place: int) -> Item:
        return self.items[int(self.places[place])]

    def _part(self, places: range) -> Sequence[Item]:
        return chosen(self.items, self.places[_slice(places)])

    def __iter__(self) -> Iterator[Item]:
        if isinstance(self.places, range) and self.places == range(len(self.items)):
            yield from self.items
            return
        for place in self.places:
            yield self.items[int(place)]


def _slice(places: range) -> slice:
    """The slice that picks places; one that goes down to the first has no end."""
    return slice(places.start, places.stop if places.stop >= 0 else None, places.step)


def chosen(items: Sequence[Item], places: Any) -> Sequence[Item]:
    """Items by their places: a list if they are few or in memory, else `Chosen`.

    Args:
        items: a sequence.
        places: the index of each item; a range, a list, or an array of numpy.
    """
    if len(places) < LARGE or not stored(items):
        return [items[int(place)] for place in places]
    return Chosen(items, places)


def stored(items: object) -> bool:
    """Whether a sequence is on disk, so that a copy of it as a list would fill the memory."""
    return (isinstance(items, Kept) and not items.in_memory) or (isinstance(items, Chosen) and stored(items.items))


def kept(items: Iterable[Item], limit: int | None = None) -> Sequence[Item]:
    """Items as a list if they are few, else on disk.

    Args:
        items: read once; a sequence on disk is returned unchanged.
        limit: items that are kept in memory; None for `LARGE`.

    Example:
        >>> kept(range(3)), type(kept(range(300), limit=256)).__name__
        ([0, 1, 2], 'Kept')
    """
    if stored(items):
        return cast(Sequence[Item], items)
    found = Kept(items, limit)
    return found._rest if found.in_memory else found
