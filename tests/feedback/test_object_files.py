"""Files of JSON that are one object, and files of other formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from penchant.errors import DataError
from penchant.feedback import read

PAIRS = [
    {"prompt": "Hi", "chosen": "Hello!", "rejected": "No."},
    {"prompt": "Bye", "chosen": "See you.", "rejected": "What?"},
]
COLUMNS = {name: [pair[name] for pair in PAIRS] for name in PAIRS[0]}
FORMS: dict[str, Any] = {
    "data": {"version": 1, "data": PAIRS},
    "examples": {"name": "small", "examples": PAIRS},
    "viewer": {"features": [], "rows": [{"row_idx": at, "row": row} for at, row in enumerate(PAIRS)]},
    "columns": COLUMNS,
    "pandas": json.loads(pandas.DataFrame(PAIRS).to_json()),
    "pandas split": json.loads(pandas.DataFrame(PAIRS).to_json(orient="split")),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_object_that_holds_rows_or_columns_is_a_set(form: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(FORMS[form]), encoding="utf-8")
    assert read(tmp_path / "a.json").fingerprint == read(PAIRS).fingerprint


def test_the_splits_of_an_object_are_splits(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"train": PAIRS, "test": PAIRS[:1]}), encoding="utf-8")
    assert len(read(tmp_path / "a.json")) == 3
    assert [len(read(tmp_path / "a.json", split=split)) for split in ("train", "test")] == [2, 1]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (PAIRS[0], r"one object with the keys prompt, chosen, rejected.*put it into a list"),
        ({"messages": [{"role": "user", "content": "Hi"}], "tools": [{"type": "function"}]}, "keys messages, tools"),
        ({"prompt": ["Hi"], "chosen": ["Hello!", "x"], "rejected": ["No."]}, "differ in length: prompt 1, chosen 2"),
        ("Hi", r"The file is text \(.Hi.\), expected a list"),
    ],
)
def test_an_object_that_is_no_set_is_named(value: Any, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(DataError, match=told):
        read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shards-000.tar", "Unpack the archive"),
        ("pairs.jsonl.zst", "Decompress it"),
        ("pairs.xlsx", "Save the sheet as CSV"),
        ("pairs.pkl", "could run code.*to_parquet"),
        ("pairs.jsnl", r"Did you mean '\.jsonl'"),
    ],
)
def test_a_file_of_another_format_says_what_to_do_with_it(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=told):
        read(tmp_path / name)
