"""Checks of images: how many there are, their sizes, and those of which only the first frame is used."""

from __future__ import annotations

from collections import Counter

from penchant.checks.diagnosis import Check, share
from penchant.feedback.images import Image
from penchant.feedback.records import Record

__all__ = ["Pictures"]


class Pictures:
    """Checks of the distinct images of records that are added one by one; none if the responses are texts."""

    def __init__(self) -> None:
        self._found: dict[object, tuple[tuple[int, int] | None, int]] = {}

    def add(self, record: Record) -> None:
        """Look at the next record."""
        for response in record.responses:
            each: object = response
            if isinstance(each, Image):
                self._found[each.key] = each.size, each.frames

    def checks(self) -> list[Check]:
        """What was found."""
        found = self._found.values()
        if not found:
            return []
        sizes = Counter(size for size, _ in found if size is not None)
        common = ", ".join(f"{width} x {height}: {count}" for (width, height), count in sizes.most_common(3))
        others = f", {len(sizes) - 3} further sizes" if len(sizes) > 3 else ""
        checks = [Check("images", f"{len(found)} distinct", "ok", f"{common}{others}.")]
        several = sum(frames > 1 for _, frames in found)
        if several:
            detail = "The first frame is used."
            checks.append(Check("images with several frames", share(several, len(found)), "note", detail))
        return checks
