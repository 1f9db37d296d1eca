"""Files that cannot be read, or that say something twice: named with file, line and reason, never a library's error."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback import read

PAIR = {"prompt": "Name a city.", "chosen": "Rome.", "rejected": "No."}


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_gzip_file_is_named(damage: str, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(_lines([{**PAIR, "prompt": f"Number {at}?"} for at in range(200)])))
    if damage == "cut":
        packed = packed[: len(packed) // 2]
    else:
        packed[20:40] = bytes(20)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed)
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: The file cannot be read: the gzip file is damaged"):
        read(path)


@pytest.mark.parametrize(
    "twice",
    [
        '{"prompt": "Name a city.", "chosen": "Rome.", "rejected": "No.", "chosen": "Oslo."}',
        '{"prompt": [{"role": "user", "role": "system", "content": "Hi"}], "chosen": "a", "rejected": "b"}',
    ],
)
def test_a_key_that_is_given_twice_is_not_silently_the_last_one(twice: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(_lines([PAIR]) + b"\n" + twice.encode())
    with pytest.raises(DataError, match=r"a\.jsonl:2: .*The key '(chosen|role)' is given twice at character \d+"):
        read(path)
    feedback = read(path, on_bad="skip")
    assert len(feedback) == 1 and len(feedback.bad) == 1
    listed = tmp_path / "a.json"
    listed.write_text(f"[{twice}]")
    with pytest.raises(DataError, match="is given twice"):
        read(listed)


def test_a_name_that_is_too_long_is_said() -> None:
    with pytest.raises(DataError, match=r"name too long.*aaa|aaa.*name too long"):
        read("a" * 300 + ".jsonl")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match="pipe or a device"):
        read(tmp_path / "a.jsonl")


def test_a_file_of_a_list_without_records_is_named(tmp_path: Path) -> None:
    full, empty = tmp_path / "full.jsonl", tmp_path / "empty.jsonl"
    full.write_bytes(_lines([PAIR]))
    empty.write_text("\n")
    with pytest.raises(DataError, match=r"empty\.jsonl: The data has no records"):
        read([full, empty])
    # A shard of a folder or a pattern may be empty.
    assert len(read(str(tmp_path / "*.jsonl"))) == 1


@pytest.mark.parametrize("answers", [{}, {"answer": "4"}, {"best": "4", "worst": "5"}])
def test_two_columns_that_could_be_the_prompt_are_both_named(answers: dict[str, str]) -> None:
    row = {"question": "2 + 2?", "instruction": "Add the numbers.", **answers}
    with pytest.raises(DataError, match="Several columns could be the prompt: 'question' and 'instruction'") as found:
        read([row])
    assert "--map prompt=question, or --map prompt=instruction" in str(found.value)
    assert "--map completion=question" not in str(found.value), "a column is not offered for two fields"


@pytest.mark.parametrize("name", ["a.ndjson", "a.json.gz", "a.csv.gz", "a.tsv"])
def test_usual_endings_are_read(name: str, tmp_path: Path) -> None:
    mark = "\t" if ".tsv" in name else ","
    table = "\n".join(mark.join(row) for row in ([*PAIR], [*PAIR.values()]))
    content = table.encode() if "json" not in name else json.dumps([PAIR] if ".json." in name else PAIR).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    (record,) = read(tmp_path / name)
    assert (record.prompt, record.chosen, record.rejected) == tuple(PAIR.values())


def test_spaces_around_the_names_of_a_table_are_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('prompt, chosen, rejected\nName a city., "Rome, of course.", No.\n')
    (record,) = read(tmp_path / "a.csv")
    assert (record.chosen, record.rejected) == ("Rome, of course.", "No.")


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,chosen,rejected,chosen\nA,B,C,D\n")
    with pytest.raises(DataError, match=r"a\.csv:1: The column 'chosen' is there twice"):
        read(tmp_path / "a.csv")


def test_a_list_of_tables_is_read_one_after_the_other() -> None:
    frame = pytest.importorskip("pandas").DataFrame([PAIR])
    records = read([frame, frame.assign(prompt="Name a river.")])
    assert [record.prompt for record in records] == ["Name a city.", "Name a river."]


@pytest.mark.parametrize("name", ["functions", "tools"])
def test_functions_are_tools(name: str) -> None:
    (record,) = read([{**PAIR, name: [{"name": "tram", "parameters": {}}]}])
    assert record.tools == ({"type": "function", "function": {"name": "tram", "parameters": {}}},)
    assert name not in record.fields


def test_a_column_of_other_functions_is_kept() -> None:
    (record,) = read([{**PAIR, "functions": ["sin", "cos"]}])
    assert record.tools is None and record.fields["functions"] == ["sin", "cos"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("[" * 101 + "]" * 101, "nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("9" * 5000, "more than 4,300 digits"),
        ('"\\ud800"', "'note' contains half a character"),
    ],
)
def test_a_value_that_nothing_can_hold_is_named_and_can_be_skipped(bad: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(PAIR) + '\n{"prompt": "A", "chosen": "B", "rejected": "C", "note": ' + bad + "}\n")
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{said}"):
        read(path)
    feedback = read(path, on_bad="skip")
    assert len(feedback) == 1 and len(feedback.bad) == 1


def test_an_integer_that_is_no_number_of_a_computer(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'weight' is a number"):
        read([{**PAIR, "weight": 10**400}])


def test_a_damaged_arrow_file_does_not_end_the_process(tmp_path: Path) -> None:
    import pyarrow

    table = pyarrow.table({"prompt": ["a", "b"], "chosen": ["c", "d"], "rejected": ["e", "f"]})
    with pyarrow.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    content = (tmp_path / "a.arrow").read_bytes()
    offsets = bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])
    assert content.count(offsets) == 3
    (tmp_path / "a.arrow").write_bytes(content.replace(offsets, bytes([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 127])))
    with pytest.raises(DataError, match=r"a\.arrow: The file is not Arrow: "):
        read(tmp_path / "a.arrow")
