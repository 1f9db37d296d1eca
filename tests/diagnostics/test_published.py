"""Diagnostics meet the numbers of published implementations."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.receipts.checking import check_file

PUBLISHED = sorted((Path(__file__).parent / "published").glob("*.json"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_numbers_of_published_implementations_are_met(path: Path) -> None:
    found = list(check_file(path))
    assert found and all(each.verdict in ("exact", "within") for each in found), found
