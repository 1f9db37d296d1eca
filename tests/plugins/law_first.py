"""A plugin of pytest: the law comes first, so that a wrong number is known after a minute and not after ten.

The law is what every method and every way of computing it is held to: the battery, published numbers, properties, and
that a forest, a batch or a process more changes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["LAW", "pytest_collection_modifyitems"]

#: Files and folders of the law, below ``tests``.
LAW = (
    "objectives",
    "receipts",
    "test_structure.py",
    "forest",
    "likelihood",
    "training/test_the_law.py",
    "training/test_resume.py",
)

TESTS = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the law first; with several workers, at the beginning of what each of them gets.

    xdist's ``worksteal`` cuts the list into as many parts as there are workers.
    """
    law = [item for item in items if _is_law(item.path)]
    rest = [item for item in items if not _is_law(item.path)]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = [item for part in range(workers) for each in (law, rest) for item in _part(each, part, workers)]


def _part(items: list[pytest.Item], part: int, parts: int) -> list[pytest.Item]:
    return items[part * len(items) // parts : (part + 1) * len(items) // parts]


def _is_law(path: Path) -> bool:
    return any(path.is_relative_to(TESTS / place) for place in LAW)
