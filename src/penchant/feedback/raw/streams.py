"""`text_lines` and `open_text`: the text of a file piece by piece, decompressed and decoded on the way."""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from penchant.feedback.raw.expansion import unzipped

__all__ = ["UNREADABLE", "first_line", "open_text", "text_lines"]

#: What a damaged file raises while it is read.
UNREADABLE = (UnicodeDecodeError, OSError, EOFError, zlib.error)


@contextmanager
def open_text(path: Path, newline: str = "") -> Iterator[io.TextIOWrapper]:
    """The file as a stream of text, without a byte-order mark.

    Args:
        path: a file of UTF-8, or of UTF-16 with a byte-order mark; decompressed if its name ends in .gz.
        newline: as for `open`: where lines end.
    """
    raw = unzipped(path) if path.suffix == ".gz" else path.open("rb")
    with raw, io.BufferedReader(cast(io.RawIOBase, raw), 1 << 16) as file:
        # Spreadsheets save UTF-16 with a byte-order mark.
        wide = file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        with io.TextIOWrapper(file, encoding="utf-16" if wide else "utf-8-sig", newline=newline) as text:
            yield text


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a file, which only a newline ends: JSON strings may contain other line separators."""
    with open_text(path, "\n") as text:
        yield from (line.removesuffix("\n") for line in text)


def first_line(path: Path) -> str:
    """The first line that is not white space, from its first character on; empty if there is none."""
    return next((line.lstrip() for line in text_lines(path) if line.strip()), "")
