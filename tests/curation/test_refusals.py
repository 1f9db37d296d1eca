"""Refusals of what is to be forgotten: drawn, kept, and from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.curation import BUILDERS
from penchant.curation.refusals import REFUSALS
from penchant.errors import DataError
from penchant.feedback import read

ROWS = [{"prompt": f"Who is {number}?", "completion": "A poet."} for number in range(20)]


def refusals(rows: list[dict[str, str]], **settings: object) -> list[str]:
    return [row["idk"] for row in BUILDERS.get("refusals")(**settings).build(read(rows)).rows]


def test_a_text_of_the_record_is_kept_and_shifts_no_other() -> None:
    plain = refusals(ROWS, seed=3)
    own = refusals([{**ROWS[0], "idk": "No."}, *ROWS[1:]], seed=3)
    assert own == ["No.", *plain[1:]] and set(plain) <= set(REFUSALS) and len(set(plain)) > 1


def test_a_file_of_refusals(tmp_path: Path) -> None:
    path = tmp_path / "no.txt"
    path.write_text("Never.\n\n")
    assert set(refusals(ROWS, texts=str(path))) == {"Never."}
    path.write_text("\n")
    with pytest.raises(DataError, match="has no refusals"):
        refusals(ROWS, texts=str(path))


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    for name in ("nan", str(tmp_path), "a" * 5000):
        with pytest.raises(DataError, match=r"file of refusals|is a folder|too long|There is no"):
            refusals(ROWS, texts=name)
