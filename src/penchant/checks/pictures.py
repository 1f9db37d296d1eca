"""Checks of images: how many there are, their sizes, and those of which only the first frame is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from penchant.checks.diagnosis import Check, share
from penchant.feedback.images import Image
from penchant.feedback.records import Record

__all__ = ["examine_pictures"]


def examine_pictures(records: Sequence[Record]) -> list[Check]:
    """Checks of the distinct images of some records; none if the responses are texts.

    Args:
        records: the records.
    """
    responses: list[object] = [response for record in records for response in record.responses]
    found = {each.key: each for each in responses if isinstance(each, Image)}
    if not found:
        return []
    sizes = Counter(image.size for image in found.values() if image.size is not None)
    common = ", ".join(f"{width} x {height}: {count}" for (width, height), count in sizes.most_common(3))
    others = f", {len(sizes) - 3} further sizes" if len(sizes) > 3 else ""
    checks = [Check("images", f"{len(found)} distinct", "ok", f"{common}{others}.")]
    several = [image for image in found.values() if image.frames > 1]
    if several:
        detail = "The first frame is used."
        checks.append(Check("images with several frames", share(len(several), len(found)), "note", detail))
    return checks
