"""`Near`, the search for texts that nearly repeat each other, in bounded memory."""

from __future__ import annotations

import tempfile
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from penchant.checks.words import words_of
from penchant.feedback.kept import disk_errors, read_at
from penchant.feedback.records import JointComparison, Record, Text, as_text

if TYPE_CHECKING:
    import numpy.typing

    Numbers: TypeAlias = numpy.typing.NDArray[numpy.uint64]
    Places: TypeAlias = numpy.typing.NDArray[numpy.int64]

__all__ = ["Near", "near_pairs"]

_PERMUTATIONS, _BANDS = 64, 16
# Records that share a template would fill a bucket with thousands; a few of them represent the rest.
_BUCKET = 32
_PRIME = (1 << 31) - 1
_BASE = 1_000_003
#: Texts whose signatures are computed at once.
_TEXTS = 1024
#: Distinct words whose numbers are remembered, and texts whose shingles are.
_WORDS, _CACHED = 200_000, 20_000


def near_pairs(records: Iterable[Record], threshold: float = 0.8) -> list[tuple[int, int]]:
    """Indices of records that nearly repeat an earlier one, each with that one.

    Candidates come from MinHash with banding (Broder, 1997), so time grows linearly with the number of records; each
    candidate is then compared exactly. The result is deterministic.

    Args:
        records: the records.
        threshold: least Jaccard similarity of the sets of word triples.
    """
    near = Near()
    for record in records:
        near.add(record)
    return near.pairs(threshold)


def _texts(record: Record) -> tuple[Text, ...]:
    """Prompts and responses, each prompt once."""
    return (*(record.answered if isinstance(record, JointComparison) else (record.prompt,)), *record.responses)


class Near:
    """Near duplicates among records that are added one by one.

    Memory holds 16 hashes of 8 bytes a record; the shingles (hashes of word triples) are in a temporary file, and those
    of candidates are read from it.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._words = array("Q")
        self._ends: list[int] = []
        self._keys: list[Numbers] = []
        self._starts = array("Q", [0])
        with disk_errors():
            self._file: Any = tempfile.TemporaryFile(prefix="penchant-", buffering=0)  # noqa: SIM115 - it lives as long

    def add(self, record: Record) -> None:
        """Add the next record."""
        words = words_of("\n".join(map(as_text, _texts(record))))
        numbers, known = self._words, self._numbers
        for word in words:
            number = known.get(word)
            if number is None:
                number = known[word] = zlib.crc32(word.encode("utf-8", "surrogatepass")) % _PRIME
            numbers.append(number)
        # A text of fewer than three words is one shingle.
        numbers.extend([0] * (3 - len(words)))
        self._ends.append(len(numbers))
        if len(self._ends) >= _TEXTS:
            self._flush()

    def _flush(self) -> None:
        """Hash the texts that wait."""
        import numpy

        if not self._ends:
            return
        words = numpy.frombuffer(self._words, numpy.uint64)
        prime = numpy.uint64(_PRIME)
        runs = words[:-2]
        for following in (words[1:-1], words[2:]):
            # Below 2^62, so that the product fits.
            runs = (runs * numpy.uint64(_BASE) + following) % prime
        # A run that spans two texts is none.
        ends = numpy.array(self._ends)
        inside = numpy.ones(len(runs), bool)
        inside[(ends[:-1, None] - numpy.array([2, 1])).ravel()] = False
        runs = runs[inside]
        stops = ends - 2 * numpy.arange(1, len(ends) + 1)
        self._keys.append(_band_keys(runs, numpy.concatenate([[0], stops[:-1]])))
        before = self._starts[-1]
        self._starts.extend((stops + before).tolist())
        with disk_errors():
            data = memoryview(runs.astype(numpy.uint32).tobytes())
            while data:
                data = data[self._file.write(data) :]
        self._words, self._ends = array("Q"), []
        if len(self._numbers) > _WORDS:
            self._numbers.clear()

    def pairs(self, threshold: float = 0.8, among: Places | None = None) -> list[tuple[int, int]]:
        """Indices of records that nearly repeat an earlier one, each with that one.

        Args:
            threshold: least Jaccard similarity.
            among: indices of the records that are compared, ascending; None for all.
        """
        import numpy

        self._flush()
        if not self._keys:
            return []
        keys = numpy.concatenate(self._keys)
        self._keys = [keys]
        places = numpy.arange(len(keys)) if among is None else among
        keys = keys if among is None else keys[among]
        alike = numpy.zeros(len(keys), bool)
        for band in range(_BANDS):
            alike |= _repeated(keys[:, band])
        return list(self._close(places[alike].tolist(), keys[alike], threshold))

    def _close(self, places: Sequence[int], keys: Numbers, threshold: float) -> Iterator[tuple[int, int]]:
        """The pairs among records that share a band with another; all others are in no pair."""
        shingles = lru_cache(_CACHED)(self._shingles)
        buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
        for at, row in zip(places, keys, strict=True):
            bands = list(enumerate(row.tolist()))
            candidates = dict.fromkeys(other for band in bands for other in buckets[band])
            close = next((other for other in candidates if _jaccard(shingles(at), shingles(other)) >= threshold), None)
            if close is not None:
                yield at, close
                continue
            for band in bands:
                if len(buckets[band]) < _BUCKET:
                    buckets[band].append(at)

    def _shingles(self, at: int) -> Numbers:
        """The distinct shingles of a record."""
        import numpy

        start, end = self._starts[at], self._starts[at + 1]
        return numpy.unique(numpy.frombuffer(read_at(self._file, 4 * start, 4 * (end - start)), numpy.uint32))


def _repeated(keys: Numbers) -> Any:
    """For each key, whether another one is equal."""
    import numpy

    order = numpy.argsort(keys, kind="stable")
    same = numpy.diff(keys[order]) == 0
    found = numpy.zeros(len(keys), bool)
    found[order[1:][same]] = True
    found[order[:-1][same]] = True
    return found


def _band_keys(shingles: Numbers, starts: Places) -> Numbers:
    """For each text and band, one hash of the least values of the band's permutations, [T, bands]."""
    import numpy

    random = numpy.random.default_rng(0)
    factors = random.integers(1, _PRIME, size=_PERMUTATIONS, dtype=numpy.uint64)
    offsets = random.integers(0, _PRIME, size=_PERMUTATIONS, dtype=numpy.uint64)
    mixing = random.integers(0, 1 << 63, size=_PERMUTATIONS // _BANDS, dtype=numpy.uint64) * numpy.uint64(2)
    prime, bits = numpy.uint64(_PRIME), numpy.uint64(31)
    keys = numpy.zeros((len(starts), _BANDS), numpy.uint64)
    value, high = numpy.empty_like(shingles), numpy.empty_like(shingles)
    for number, (factor, offset) in enumerate(zip(factors, offsets, strict=True)):
        numpy.multiply(shingles, factor, out=value)
        value += offset
        # The remainder by 2^31 − 1: the high bits count as often as the low ones.
        for _ in range(2):
            numpy.right_shift(value, bits, out=high)
            value &= prime
            value += high
        numpy.subtract(value, prime, out=value, where=value >= prime)
        band, place = divmod(number, _PERMUTATIONS // _BANDS)
        keys[:, band] += numpy.minimum.reduceat(value, starts) * (mixing[place] + numpy.uint64(1))
    return keys


def _jaccard(one: Numbers, other: Numbers) -> float:
    import numpy

    shared = len(numpy.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
