"""All layouts, and the conversion of the rows of a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from penchant.errors import DataError
from penchant.feedback.kept import Kept
from penchant.feedback.known.cells import opened
from penchant.feedback.known.chats import CHAT_LAYOUTS
from penchant.feedback.known.chinese import CHINESE
from penchant.feedback.known.exports import EXPORTS
from penchant.feedback.known.layout import Layout, Row, Rows, unnamed
from penchant.feedback.known.lists import LISTS
from penchant.feedback.known.message_trees import MESSAGE_TREES
from penchant.feedback.known.pairs import PAIRS
from penchant.feedback.known.pictures import PICTURES
from penchant.feedback.known.prompts import CHATS, asked, context_columns, is_chat, with_context
from penchant.feedback.known.rated_steps import RATED_STEPS
from penchant.feedback.known.rated_turns import RATED_TURNS
from penchant.feedback.known.response_rows import ASKED, RESPONSE_ROWS, is_asked
from penchant.feedback.known.sides import SIDES
from penchant.feedback.known.singles import OURS, SINGLES
from penchant.feedback.known.structured import STRUCTURED
from penchant.feedback.known.summaries import SUMMARIES
from penchant.feedback.records import Source

__all__ = ["LAYOUTS", "Conversion", "Converted", "SeveralRows", "converted", "layout_of"]

#: All layouts; the first that matches a row is its layout.
LAYOUTS: tuple[Layout, ...] = (
    *EXPORTS,
    *CHINESE,
    *STRUCTURED,
    *PICTURES,
    *RATED_STEPS,
    *MESSAGE_TREES,
    *RATED_TURNS,
    *SUMMARIES,
    *CHAT_LAYOUTS,
    *PAIRS,
    *SIDES,
    *LISTS,
    *RESPONSE_ROWS,
    *SINGLES,
    ASKED,
    *OURS,
)
#: Those whose records span several rows.
GATHERED = tuple(layout for layout in LAYOUTS if layout.gather is not None and layout is not ASKED)


@dataclass(frozen=True)
class Converted:
    """The rows of a set in our fields.

    Args:
        rows: the number of a row among those given, from 0, and the row or its error; rows that belong to one record
            are one row, with the number of the first.
        layout: the layout that was recognised, in one line; empty if the rows had our fields already.
        left_out: what a layout left out, with its number of times; empty if nothing was.
    """

    rows: Rows
    layout: str = ""
    left_out: str = ""


def layout_of(row: Mapping[str, Any]) -> Layout | None:
    """The layout of a row that has to be converted; None if it has our fields, or no layout matches.

    Example:
        >>> layout_of({"prompt": "Q", "response_0": "a", "response_1": "b", "better_response_id": 1}).name
        'PKU-SafeRLHF'
        >>> layout_of({"prompt": "Q", "chosen": "a", "rejected": "b"}) is None
        True
    """
    return next((each for each in _possible(tuple(row)) if each.matches is not None and each.matches(row)), None)


class _Looked(Exception):
    """A value was looked at."""


class _Columns(Mapping[str, Any]):
    """A row of which only the columns are known; to look at a value is an error."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns

    def __getitem__(self, name: str) -> Any:
        if name in self.columns:
            raise _Looked
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


@lru_cache(maxsize=256)
def _possible(columns: tuple[str, ...]) -> tuple[Layout, ...]:
    """The layouts that a row with these columns may have; of the others the columns alone say that it has not."""
    return tuple(layout for layout in LAYOUTS if layout.matches is not None and _may_match(layout.matches, columns))


def _may_match(matches: Callable[[Mapping[str, Any]], bool], columns: tuple[str, ...]) -> bool:
    try:
        return matches(_Columns(columns))
    except _Looked:
        return True


def converted(
    rows: Iterable[dict[str, Any] | DataError], sources: Sequence[Source], kind: str | None = None
) -> Converted:
    """Rows in our fields: cells with messages or lists as text read, layouts converted, system and history placed.

    Args:
        rows: rows, or the errors of rows that cannot be read; read once. Many are kept on disk.
        sources: file and line of every row, for errors.
        kind: the kind asked for; rows that are read as prompts keep their further columns.

    Example:
        >>> row = {"prompt": "Q", "response_0": "a", "response_1": "b", "better_response_id": 1}
        >>> converted([row], [Source()]).rows[0][1]["chosen"]
        'b'
    """
    conversion = Conversion(kind)
    left_out: list[str] = []
    found: Rows = Kept((at, row if isinstance(row, DataError) else opened(row)) for at, row in enumerate(rows))
    for layout, matches in _gathering(found, kind):
        assert layout.gather is not None
        gathered = layout.gather(found, sources, matches)
        found = gathered.rows
        conversion.counts[layout.sentence()] += gathered.read
        left_out += [gathered.says] if gathered.says else []
    found = Kept((at, conversion.alone(row, sources[at])) for at, row in found)
    if conversion.context:
        found = Kept((at, conversion.in_context(row, sources[at])) for at, row in found)
    return Converted(found, conversion.layout, ", ".join(left_out))


def _gathering(rows: Rows, kind: str | None) -> list[tuple[Layout, Callable[[Row], bool]]]:
    """The layouts of several rows that some row has, with what tells such a row."""
    every = [(layout, partial(_has_layout, layout)) for layout in GATHERED]
    every.append((ASKED, partial(is_asked, kind=kind)))
    there = [False] * len(every)
    for _, row in rows:
        if isinstance(row, dict):
            there = [known or matches(row) for known, (_, matches) in zip(there, every, strict=True)]
    return [each for each, known in zip(every, there, strict=True) if known]


class SeveralRows(Exception):
    """A row has a layout whose records span several rows, so that it cannot be converted alone."""


class Conversion:
    """The conversion of rows one by one, which counts what it recognises.

    Args:
        kind: the kind asked for; rows that are read as prompts keep their further columns.

    Example:
        >>> conversion = Conversion()
        >>> conversion.row({"prompt": "Q", "response_0": "a", "response_1": "b", "better_response_id": 1}, Source())
        {'prompt': 'Q', 'chosen': 'b', 'rejected': 'a'}
        >>> conversion.layout.partition(":")[0]
        'PKU-SafeRLHF'
    """

    def __init__(self, kind: str | None = None) -> None:
        self.kind, self.counts = kind, Counter[str]()
        #: Columns with a system text or an earlier conversation. If a row has one, all rows go through `in_context`.
        self.context: dict[str, None] = {}
        self._left: set[str] = set()

    @property
    def layout(self) -> str:
        """What was recognised of the rows so far, as in `Converted`."""
        says = [self.counts.most_common(1)[0][0]] if +self.counts else []
        names = [name for name in self.context if name not in self._left]
        says += [f"{' and '.join(names)} open{'s' * (len(names) == 1)} the conversation"] if names else []
        return "; ".join(says)

    def row(self, row: dict[str, Any] | DataError, source: Source) -> dict[str, Any] | DataError:
        """A row in our fields, or its error.

        Args:
            row: the row as read, or the error of one that cannot be read.
            source: file and line.

        Raises:
            SeveralRows: its record spans several rows.
        """
        if isinstance(row, DataError):
            return row
        row = opened(row)
        if any(_has_layout(layout, row) for layout in GATHERED) or is_asked(row, self.kind):
            raise SeveralRows
        return self.alone(row, source)

    def alone(self, row: dict[str, Any] | DataError, source: Source) -> dict[str, Any] | DataError:
        """As `row`, for a row whose cells are opened and that has no layout of several rows."""
        row = _converted(row, source, self.kind, self.counts)
        if isinstance(row, dict):
            self.context |= dict.fromkeys(context_columns(row))
        return row

    def in_context(self, row: dict[str, Any] | DataError, source: Source) -> dict[str, Any] | DataError:
        """A converted row with system text and history in its conversation."""
        row = _in_context(row, source)
        if isinstance(row, dict):
            self._left |= set(context_columns(row))
        return row


def _has_layout(layout: Layout, row: Mapping[str, Any]) -> bool:
    return layout.matches is not None and layout.matches(row) and layout_of(row) is layout


def _converted(
    row: dict[str, Any] | DataError, source: Source, kind: str | None, counts: Counter[str]
) -> dict[str, Any] | DataError:
    if isinstance(row, DataError) or (kind == "prompt" and "prompt" in row):
        return row
    if row.get("prompt", "") is None and any(is_chat(row.get(name)) for name in ("chosen", "completion", *CHATS)):
        row = unnamed(row, ["prompt"])  # a columnar file gives every row the columns of all
    if "prompt" in row and is_chat(row.get("messages")) and row["messages"] == row.get("chosen"):
        return unnamed(row, ["messages"])  # UltraFeedback binarized repeats the chosen conversation
    layout = layout_of(row)
    if layout is None or layout.convert is None:
        return row
    try:
        if layout.unwraps:
            return _unwrapped(layout, row, source, kind, counts)
        counts[layout.sentence(asked(row, source)[1] if "{prompt}" in layout.says else ())] += 1
        return layout.convert(row, source)
    except DataError as error:
        return error


def _unwrapped(
    layout: Layout, row: Row, source: Source, kind: str | None, counts: Counter[str]
) -> dict[str, Any] | DataError:
    """The row inside of one of a layout around others, converted; both layouts are counted as one."""
    assert layout.convert is not None
    inside = Counter[str]()
    found = _converted(opened(layout.convert(row, source)), source, kind, inside)
    counts["; ".join([layout.sentence(), *inside])] += 1
    return found


def _in_context(row: dict[str, Any] | DataError, source: Source) -> dict[str, Any] | DataError:
    if isinstance(row, DataError):
        return row
    try:
        return with_context(row, source)
    except DataError as error:
        return error
