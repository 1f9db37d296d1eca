"""Checks of how texts are written: with the signs of HTML, wrongly decoded, or with the word for a missing value."""

from __future__ import annotations

import re

from penchant.checks.diagnosis import Check, share
from penchant.checks.found import Found
from penchant.feedback.images import Image
from penchant.feedback.records import Record, as_text

__all__ = ["Written"]

_HTML = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,4});|</?(?:p|br|pre|div|blockquote)\s*/?>")
# UTF-8 that was read as Latin-1 or Windows-1252: é becomes Ã and ©, ’ becomes three signs.
_DECODED = re.compile("Ã[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ]|â(?:€|\u0080)[\u0080-\u00bf™œ\u009d¦“”˜]|Â[\u00a0-\u00bf]|\ufffd")
_MISSING = frozenset({"nan", "none", "null", "n/a", "<na>", "#n/a", "undefined", "nil", "[deleted]", "[removed]"})
_NAMES = ("texts with HTML", "wrongly decoded texts", "responses without content")


class Written:
    """The check of how the texts of records are written."""

    def __init__(self) -> None:
        self._found = {name: Found() for name in _NAMES}
        self._total = 0

    def add(self, record: Record) -> None:
        """Look at the next record."""
        self._total += 1
        responses = [as_text(each) for each in record.responses if not isinstance(each, Image)]
        texts = [as_text(record.prompt), *responses]
        seen = (
            any(("&" in text or "<" in text) and _HTML.search(text) for text in texts),
            any(not text.isascii() and _DECODED.search(text) for text in texts),
            any(len(text) < 12 and text.strip().lower() in _MISSING for text in responses),
        )
        for name, there in zip(_NAMES, seen, strict=True):
            if there:
                self._found[name].add(record)

    def checks(self) -> list[Check]:
        """What was found; nothing of what was not."""
        means = (
            "Such as &lt; or <p>: a model learns to write them. Python's html.unescape reads the signs.",
            "Such as Ã© for é: UTF-8 was read as another encoding. Read the source again, as UTF-8.",
            "They say only NaN, None, null, [deleted] or alike. If these are missing values, remove the records.",
        )
        return [
            Check(name, share(len(found), self._total), "note", f"{detail} {found.places}.")
            for (name, found), detail in zip(self._found.items(), means, strict=True)
            if found
        ]
