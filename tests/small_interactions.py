"""Users of a small shop who take six items in a circle, each from a beginning of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ITEMS = 6


def users(count: int = 40, test: int = 8) -> list[dict[str, Any]]:
    """Rows of users; the last ``test`` ones are in the split test."""
    rows = []
    for number in range(count):
        start, length = number % ITEMS, 3 + number % 4
        items = [(start + step) % ITEMS for step in range(length)]
        rows.append({"user": number, "items": items, "split": "test" if number >= count - test else "train"})
    return rows


def write_users(path: Path, **changes: int) -> Path:
    """A file of these users."""
    path.write_text("".join(json.dumps(row) + "\n" for row in users(**changes)), encoding="utf-8")
    return path
