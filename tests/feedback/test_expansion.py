"""Compressed data: small files that become large ones are refused before they fill the memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

import penchant
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.files import file_rows
from penchant.feedback.raw import expansion

ROW = {"prompt": "Hi", "chosen": "Hello!", "rejected": "No."}
# The command may use this much memory; each of the files asks for several times as much.
LIMITED = """
import resource, sys
import pyarrow, pyarrow.parquet, pyarrow.compute
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)
from penchant.cli.app import main
sys.exit(main(["data", "check", sys.argv[1]]))
"""


def zipped(folder: Path) -> Path:
    """Two megabytes of gzip that are two gigabytes."""
    file = folder / "a.jsonl.gz"
    block = gzip.compress(json.dumps({**ROW, "chosen": "a" * 2**24}).encode() + b"\n", 9)
    file.write_bytes(block * 128)
    return file


def one_line(folder: Path) -> Path:
    file = folder / "line.jsonl.gz"
    file.write_bytes(gzip.compress(b"a" * 2**24, 9) * 128)
    return file


def repeated(folder: Path) -> Path:
    """A kilobyte of Parquet: one text of a megabyte, three thousand times."""
    file = folder / "a.parquet"
    long = arrow.DictionaryArray.from_arrays(arrow.array([0] * 3000, arrow.int32()), ["x" * 1_000_000])
    rows = arrow.table({"prompt": ["Hi"] * 3000, "chosen": long, "rejected": ["No."] * 3000})
    parquet.write_table(rows, file, compression="zstd", store_schema=False)
    return file


def nested(folder: Path) -> Path:
    file = folder / "nested.parquet"
    turn = [{"role": "user", "content": "x" * 1_000_000}]
    parquet.write_table(arrow.table({"messages": [turn] * 400}), file, compression="zstd")
    return file


def nulls(folder: Path) -> Path:
    file = folder / "nulls.parquet"
    with parquet.ParquetWriter(file, arrow.schema([("prompt", arrow.string())])) as writer:
        part = arrow.table({"prompt": arrow.nulls(2_000_000, arrow.string())})
        for _ in range(10):
            writer.write_table(part)
    return file


def compressed(folder: Path, kind: str = "zstd") -> Path:
    file = folder / "a.arrow"
    rows = arrow.table({"prompt": ["Hi"] * 400, "chosen": ["x" * 1_000_000] * 400, "rejected": ["No."] * 400})
    options = arrow.ipc.IpcWriteOptions(compression=kind)
    with arrow.OSFile(str(file), "wb") as sink, arrow.ipc.new_file(sink, rows.schema, options=options) as writer:
        writer.write_table(rows)
    return file


@pytest.mark.parametrize("bomb", [zipped, one_line, repeated, nested, nulls, compressed])
def test_a_small_file_cannot_ask_for_gigabytes(tmp_path: Path, bomb: Any) -> None:
    file = bomb(tmp_path)
    assert file.stat().st_size < 3_000_000
    environment = {"PYTHONPATH": str(Path(penchant.__file__).parents[1]), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin"}
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(file)], capture_output=True, text=True, env=environment)
    assert ran.returncode == 1, ran.stderr[-500:]
    assert f"{file}: The file of " in ran.stderr and "when it is read. A file may grow to 256 MiB or 100" in ran.stderr


@pytest.mark.parametrize("ending", ["stream", "file", "compressed file"])
def test_arrow_streams_and_files_are_read_alike(tmp_path: Path, ending: str) -> None:
    rows = [{**ROW, "number": number} for number in range(3000)]
    table = arrow.Table.from_pylist(rows)
    options = arrow.ipc.IpcWriteOptions(compression="lz4" if "compressed" in ending else None)
    make = arrow.ipc.new_stream if ending == "stream" else arrow.ipc.new_file
    file = tmp_path / "a.arrow"
    with arrow.OSFile(str(file), "wb") as sink, make(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=700)
    assert [row for _, row in file_rows(file)] == rows


def test_parquet_is_read_as_pyarrow_reads_it(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": f"{number % 3}" if number % 7 else None,
            "turns": [{"role": "user", "content": f"{number % 5}"}, None] if number % 4 else [],
            "deep": {"tags": ["a", None, f"{number % 2}"], "bytes": b"ab" if number % 2 else None},
            "score": number / 3,
        }
        for number in range(2500)
    ]
    file = tmp_path / "a.parquet"
    # With a dictionary of ten bytes, most pages hold their texts themselves.
    for dictionary, largest in ((True, None), (False, None), (True, 10)):
        how = {"use_dictionary": dictionary, "row_group_size": 1200, "dictionary_pagesize_limit": largest}
        parquet.write_table(arrow.Table.from_pylist(rows), file, data_page_size=500, **how)
        found = list(file_rows(file))
        assert [row for _, row in found] == parquet.read_table(file).to_pylist() == rows
        assert [number for number, _ in found] == list(range(1, 2501))


def test_a_kind_in_a_dictionary_of_pandas_is_read(tmp_path: Path) -> None:
    table = arrow.table({"prompt": arrow.array(["a", "b", "a"]).dictionary_encode(), "completion": ["x", "y", "z"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert [record.prompt for record in read(tmp_path / "a.parquet")] == ["a", "b", "a"]


def test_texts_that_shrink_much_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.jsonl.gz"
    with gzip.open(file, "wt") as text:
        text.writelines(json.dumps({**ROW, "prompt": f"question {number}"}) + "\n" for number in range(2000))
    monkeypatch.setattr(expansion, "FLOOR", 0)  # by their own size alone
    assert len(read(file)) == 2000
    monkeypatch.setattr(expansion, "TIMES", 2)
    with pytest.raises(DataError, match=r"becomes more than .* If you trust it, unpack it .*gunzip --keep a.jsonl.gz"):
        read(file)
