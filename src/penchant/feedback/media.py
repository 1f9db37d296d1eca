"""Refusal of text records that refer to images, videos or sound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Record, Text, as_text

__all__ = ["refuse_media"]

_LISTS = ("images", "videos", "audios")
_SINGLE = ("image", "video", "audio")
_MARK = re.compile(r"<(image|video|audio)>")


def refuse_media(record: Record, row: Mapping[str, Any]) -> Record:
    """A record, checked not to refer to images that its text cannot show.

    Args:
        record: the record; one with images as responses is returned unchanged.
        row: the row that it was read from.

    Raises:
        DataError: a column ``images`` (``videos``, ``audios``) is filled, or the text has a mark such as ``<image>``
            and the row has a column ``image``.
    """
    texts = [text for text in (record.prompt, *record.responses) if isinstance(text, str | list)]
    if len(texts) < 1 + len(record.responses):
        return record
    filled = [name for name in (*_LISTS, *_SINGLE) if _holds(row.get(name))]
    marked = next(filter(None, map(_mark, texts)), None) if filled else None
    many = next((name for name in filled if name in _LISTS), filled[0] if marked else None)
    if many is None:
        return record
    at = f", and the text refers to it: {marked!r}" if marked else ""
    raise DataError(
        f"The column {many!r} is filled{at}. Images, videos and sound cannot be used with a text model.",
        where=str(record.source),
        why="The answer refers to what the model cannot see.",
        fix=f"Remove the record; or, if the text stands alone, the column {many!r}.",
    )


def _holds(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds(each) for each in value)
    return value is not None and value != "" and value != {}


def _mark(text: Text) -> str | None:
    found = _MARK.search(as_text(text))
    return found.group() if found else None
