"""Files whose form is not quite that of their extension: the same records, or an error that names the place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from penchant.errors import DataError
from penchant.feedback import read

ROWS = [
    {"prompt": f"你好 {n}？", "chosen": "很高兴见到你。🌟\u2028", "rejected": "走开,\"再见\"; {[\n}"} for n in range(3)
]  # fmt: skip
LINES = "\n".join(json.dumps(row) for row in ROWS)
RAW = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("array.jsonl", json.dumps(ROWS).encode()),
        ("array_over_lines.jsonl", json.dumps(ROWS, indent=1).encode()),
        ("bom.jsonl", b"\xef\xbb\xbf" + RAW.encode()),
        ("concatenated.json", LINES.encode()),
        ("crlf.jsonl", RAW.replace("}\n{", "}\r\n{").encode()),
        ("pretty.jsonl", "\n".join(json.dumps(row, indent=2) for row in ROWS).encode()),
        ("pretty_after_blank_lines.jsonl", ("\n\n" + "\n\n".join(json.dumps(row, indent=2) for row in ROWS)).encode()),
        ("utf16.jsonl", RAW.encode("utf-16")),
    ],
)
def test_a_file_of_objects_is_read_in_every_form(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name).fingerprint == read(ROWS).fingerprint


def test_objects_over_several_lines_are_named_by_the_line_they_begin_on(tmp_path: Path) -> None:
    path = tmp_path / "pretty.jsonl"
    path.write_text("\n".join(json.dumps(row, indent=2) for row in ROWS))
    assert [record.source.line for record in read(path)] == [1, 6, 11]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_table_divided_by_semicolons_or_tabs_is_read(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'prompt{mark}chosen{mark}rejected\n"Where{mark}?"{mark}Here, now.{mark}There.\n')
    (pair,) = read(path)
    assert (pair.prompt, pair.responses) == (f"Where{mark}?", ("Here, now.", "There."))


@pytest.mark.parametrize(("name", "encoding"), [("gbk.jsonl", "gbk"), ("latin.csv", "latin-1")])
def test_another_encoding_is_named_with_its_line(name: str, encoding: str, tmp_path: Path) -> None:
    text = '{"prompt": "ok"}\n{"prompt": "你"}' if encoding == "gbk" else "prompt,chosen,rejected\nCafé,a,b\n"
    (tmp_path / name).write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=rf"{name}:2: The file is not UTF-8 text: byte 0x.*Save it as UTF-8"):
        read(tmp_path / name)


def test_a_line_that_is_nested_too_deeply_is_a_bad_record(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = '{"prompt": "Q", "chosen": "a", "rejected": "b"}'
    path.write_text(good + '\n{"prompt": "Q", "chosen": ' + "[" * 100_000 + "]" * 100_000 + ', "rejected": "b"}\n')
    with pytest.raises(DataError, match=r"a.jsonl:2: The line is not JSON: It is nested too deeply"):
        read(path)
    assert len(read(path, on_bad="skip")) == 1
    path.write_text(good + "\n" + '{"prompt": "Q", "chosen": ' + "[" * 60 + "]" * 60 + ', "rejected": "b"}\n')
    with pytest.raises(DataError, match=r"a.jsonl:2: 'chosen\[0\]' is a list"):
        read(path)


def test_a_cut_file_of_one_object_per_line_is_still_reported_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "Q", "chosen": "a"\n{"prompt": "Q", "chosen": "a", "rejected": "b"}\n')
    with pytest.raises(DataError, match=r"a.jsonl:1: The line is not JSON"):
        read(path)


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ('{"prompt": "a", "completion": "b"},', "Remove the comma after the object"),
        ('{"prompt": "a", "completion": "b",}', "Remove the comma before the closing bracket"),
        ("{'prompt': 'a', 'completion': 'b'}", "json.dumps"),
        ("{prompt: a}", "Correct or remove the line"),
    ],
)
def test_a_line_that_is_not_json_says_how_to_mend_it(line: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=remedy):
        read(tmp_path / "a.jsonl")


def test_a_gzip_file_without_its_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(b'{"prompt": "a", "completion": "b"}\n'))
    with pytest.raises(DataError, match=r"compressed with gzip: let its name end in \.gz"):
        read(tmp_path / "a.jsonl")


def test_a_response_that_shows_nothing_is_empty() -> None:
    with pytest.raises(DataError, match="'chosen' is empty"):
        read([{"prompt": "Hi", "chosen": "\u200b \ufeff", "rejected": "No."}])
