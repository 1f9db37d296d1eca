"""All layouts, and the conversion of the rows of a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from penchant.errors import DataError
from penchant.feedback.known.cells import opened
from penchant.feedback.known.chats import CHAT_LAYOUTS
from penchant.feedback.known.layout import Layout, Rows, unnamed
from penchant.feedback.known.lists import LISTS
from penchant.feedback.known.pairs import PAIRS
from penchant.feedback.known.prompts import CHATS, asked, context_columns, is_chat, with_context
from penchant.feedback.known.singles import OURS, SINGLES
from penchant.feedback.known.structured import STRUCTURED
from penchant.feedback.records import Source

__all__ = ["LAYOUTS", "Converted", "converted", "layout_of"]

#: All layouts; the first that matches a row is its layout.
LAYOUTS: tuple[Layout, ...] = (*STRUCTURED, *CHAT_LAYOUTS, *PAIRS, *LISTS, *SINGLES, *OURS)


@dataclass(frozen=True)
class Converted:
    """The rows of a set in our fields.

    Args:
        rows: the number of a row among those given, from 0, and the row or its error; rows that belong to one record
            are one row, with the number of the first.
        layout: the layout that was recognised, in one line; empty if the rows had our fields already.
    """

    rows: Rows
    layout: str = ""


def layout_of(row: Mapping[str, Any]) -> Layout | None:
    """The layout of a row that has to be converted; None if it has our fields, or no layout matches.

    Example:
        >>> layout_of({"prompt": "Q", "response_0": "a", "response_1": "b", "better_response_id": 1}).name
        'PKU-SafeRLHF'
        >>> layout_of({"prompt": "Q", "chosen": "a", "rejected": "b"}) is None
        True
    """
    return next((each for each in LAYOUTS if each.matches is not None and each.matches(row)), None)


def converted(
    rows: Sequence[dict[str, Any] | DataError], sources: Sequence[Source], kind: str | None = None
) -> Converted:
    """Rows in our fields: cells with messages or lists as text read, layouts converted, system and history placed.

    Args:
        rows: rows, or the errors of rows that cannot be read.
        sources: file and line of every row, for errors.
        kind: the kind asked for; rows that are read as prompts keep their further columns.

    Example:
        >>> row = {"prompt": "Q", "response_0": "a", "response_1": "b", "better_response_id": 1}
        >>> converted([row], [Source()]).rows[0][1]["chosen"]
        'b'
    """
    counts: Counter[str] = Counter()
    found: Rows = [(at, row if isinstance(row, DataError) else opened(row)) for at, row in enumerate(rows)]
    for layout in LAYOUTS:
        if layout.gather is not None:
            before = len(found)
            found = layout.gather(found, sources, partial(_has_layout, layout))
            counts[layout.sentence()] += before - len(found)
    found = [(at, _converted(row, sources[at], kind, counts)) for at, row in found]
    context = [name for _, row in found if isinstance(row, dict) for name in context_columns(row)]
    if context:
        found = [(at, _in_context(row, sources[at])) for at, row in found]
    says = [counts.most_common(1)[0][0]] if +counts else []
    left = {name for _, row in found if isinstance(row, dict) for name in context_columns(row)}
    names = [name for name in dict.fromkeys(context) if name not in left]
    says += [f"{' and '.join(names)} open{'s' * (len(names) == 1)} the conversation"] if names else []
    return Converted(found, "; ".join(says))


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
        counts[layout.sentence(asked(row, source)[1] if "{prompt}" in layout.says else ())] += 1
        return layout.convert(row, source)
    except DataError as error:
        return error


def _in_context(row: dict[str, Any] | DataError, source: Source) -> dict[str, Any] | DataError:
    if isinstance(row, DataError):
        return row
    try:
        return with_context(row, source)
    except DataError as error:
        return error
