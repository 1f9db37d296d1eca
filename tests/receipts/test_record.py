"""The agreement on record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.errors import ConfigurationError, OutputError
from penchant.objectives import names
from penchant.receipts import agreement, record
from penchant.receipts.adapters import ADAPTERS
from penchant.receipts.checking import Receipt, check_file


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "agreement.json"
    path.write_text('{"dpo": {"old": [3, 3], "kept": [1, 1]}, "ipo": {"old": [1, 1]}}')
    monkeypatch.setattr(record, "AGREEMENT", path)
    return path


def good(method: str, verdict: str = "within") -> Receipt:
    return Receipt(method, "a", verdict, 1e-9, "", {}, method if verdict != "not built yet" else "")


def test_a_new_record_replaces_that_of_its_files_and_keeps_the_others(stored: Path) -> None:
    assert agreement("dpo") == (4, 4) and agreement("nll") is None
    receipts = [good("dpo"), good("dpo", "exact"), good("dpo", "computed"), good("nll"), good("far", "not built yet")]
    record.write_agreement({"old": receipts})
    assert json.loads(stored.read_text()) == {"dpo": {"old": [2, 2], "kept": [1, 1]}, "nll": {"old": [1, 1]}}
    assert agreement("dpo") == (3, 3) and agreement("ipo") is None and agreement("far") is None


@pytest.mark.parametrize("verdict", ["differs", "failed"])
def test_nothing_is_recorded_where_a_case_differs_or_fails(verdict: str, stored: Path) -> None:
    before = stored.read_text()
    with pytest.raises(ConfigurationError, match=r"case ipo \(a\) differs or fails, the first of 1"):
        record.write_agreement({"old": [good("dpo"), good("ipo", verdict)]})
    assert stored.read_text() == before


def test_a_record_that_cannot_be_written_is_an_output_error(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "recorded", lambda: {})
    monkeypatch.setattr(record, "AGREEMENT", stored.parent / "no" / "agreement.json")
    with pytest.raises(OutputError, match="cannot be written"):
        record.write_agreement({"old": [good("dpo")]})


def test_a_case_that_differs_counts_among_all() -> None:
    found = {"one": [good("dpo"), good("dpo", "differs"), good("dpo", "failed")], "two": [good("dpo")]}
    assert record.count(found) == {"dpo": {"one": (1, 2), "two": (1, 1)}}


def test_the_record_of_the_package_is_about_what_is_built() -> None:
    counts = record.recorded()
    assert set(counts) <= set(names()) | set(ADAPTERS)
    assert all(0 < agree <= every for files in counts.values() for agree, every in files.values())


def test_the_record_is_what_the_published_cases_give(shared: Path) -> None:
    found = {path.stem: check_file(path) for path in sorted((shared / "oracles").glob("*.json"))}
    assert record.count(found) == record.recorded()
