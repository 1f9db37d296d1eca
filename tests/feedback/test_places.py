"""Where data may lie: lists of files, patterns, folders of shards, frames, tables, columns and data sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback import read

PAIRS = [{"prompt": f"Question {n}?", "chosen": f"Yes, {n}.", "rejected": "No."} for n in range(4)]
WHOLE = read(PAIRS).fingerprint


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def shards(folder: Path, names: tuple[str, str], ending: str) -> Path:
    """The pairs in two files."""
    import datasets

    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in zip(names, (PAIRS[:3], PAIRS[3:]), strict=True):
        data, path = datasets.Dataset.from_list(rows), folder / f"{name}{ending}"
        if ending == ".parquet":
            data.to_parquet(str(path))
        elif ending == ".csv":
            data.to_csv(str(path))
        elif ending == ".arrow":
            data.save_to_disk(str(folder / "saved"))
            (folder / "saved" / "data-00000-of-00001.arrow").rename(path)
            for left in (folder / "saved").iterdir():
                left.unlink()
            (folder / "saved").rmdir()
        else:
            written(path, rows)
    return folder


def test_a_list_and_a_pattern_are_read_in_order(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.jsonl", PAIRS[:3]), written(tmp_path / "b.jsonl", PAIRS[3:])
    for source in ([first, second], [str(first), str(second)], str(tmp_path / "*.jsonl"), tmp_path / "*.jsonl"):
        found = read(source)
        assert found.fingerprint == WHOLE
        assert [str(record.source) for record in found[2:]] == ["a.jsonl:3", "b.jsonl:1"]
    assert (
        read(str(tmp_path / "*.jsonl")).name == str(tmp_path / "*.jsonl")
        and read([first, second]).name == f"{first}, {second}"
    )
    assert [record.prompt for record in read([second, first])][:1] == ["Question 3?"]
    with pytest.raises(DataError, match=r"no-such.jsonl: There is no such file"):
        read([first, tmp_path / "no-such.jsonl"])
    with pytest.raises(DataError, match=r"No file matches the pattern.*holds: a.jsonl, b.jsonl"):
        read(str(tmp_path / "*.csv"))
    with pytest.raises(DataError, match="There is no folder"):
        read(str(tmp_path / "nowhere" / "*.csv"))


def test_a_mapping_and_the_kind_hold_for_all_files(tmp_path: Path) -> None:
    renamed = [{"wording": row["prompt"], "chosen": row["chosen"], "rejected": row["rejected"]} for row in PAIRS[3:]]
    paths = [written(tmp_path / "a.jsonl", PAIRS[:3]), written(tmp_path / "b.jsonl", renamed)]
    with pytest.raises(DataError, match=r"b.jsonl:1: "):
        read(paths)
    with pytest.raises(DataError, match=r"b.jsonl:1: .*kind"):
        read([paths[0], written(tmp_path / "c" / "b.jsonl", [{"prompt": "Hi", "completion": "a", "label": True}])])


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".csv", ".arrow"])
@pytest.mark.parametrize("inside", [".", "data"])
def test_a_folder_of_shards(tmp_path: Path, ending: str, inside: str) -> None:
    (tmp_path / "README.md").write_text("A card.")
    (tmp_path / "dataset_infos.json").write_text("{}")
    shards(tmp_path / inside, ("train-00000-of-00002", "train-00001-of-00002"), ending)
    found = read(tmp_path)
    assert [record.fields.pop("split") for record in found] == ["train"] * 4
    assert found.fingerprint == WHOLE
    assert read(tmp_path, split="train")[3].source.file == f"train-00001-of-00002{ending}"
    with pytest.raises(DataError, match=r"no split 'tran'.*Did you mean 'train'"):
        read(tmp_path, split="tran")


def test_the_splits_of_a_folder(tmp_path: Path) -> None:
    shards(tmp_path / "a", ("train_sft-00000-of-00001-0a1b", "test_sft-00000-of-00001-0a1b"), ".parquet")
    shards(tmp_path / "b", ("train", "test"), ".jsonl")
    for name, rows in (("train", PAIRS[:3]), ("test", PAIRS[3:])):
        written(tmp_path / "c" / name / "0.jsonl", rows)
    for folder, split in (("a", "train_sft"), ("b", "train"), ("c", "train")):
        assert [len(read(tmp_path / folder)), len(read(tmp_path / folder, split=split))] == [4, 3]
    # A row's own column is the split that counts.
    written(tmp_path / "d" / "train.jsonl", [{**PAIRS[0], "split": "held"}])
    assert read(tmp_path / "d")[0].fields == {"split": "held"}


def test_folders_that_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Hi")
    with pytest.raises(DataError, match=r"has no files of data \(it holds: notes.txt\).*save_to_disk"):
        read(tmp_path)
    shards(tmp_path, ("a", "b"), ".jsonl")
    shards(tmp_path, ("a", "b"), ".csv")
    with pytest.raises(DataError, match=r"several formats \(.csv, .jsonl\).*twice"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="it holds: nothing"):
        read(tmp_path / "empty")
    with pytest.raises(DataError, match="The data is an empty text"):
        read(" ")
    (tmp_path / "broken.arrow").write_bytes(b"neither")
    with pytest.raises(DataError, match="not Arrow"):
        read(tmp_path / "broken.arrow")


class Frame:
    """What a frame of polars offers; polars itself is no dependency."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def to_dicts(self) -> list[dict[str, Any]]:
        return self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows[0])


class LazyFrame:
    """A lazy frame of polars."""

    def collect(self) -> Frame:
        return Frame(PAIRS)


Frame.__module__, LazyFrame.__module__ = "polars.dataframe.frame", "polars.lazyframe.frame"


def pandas_frame() -> Any:
    import pandas

    return pandas.DataFrame(PAIRS)


def arrow_table() -> Any:
    import pyarrow

    return pyarrow.Table.from_pylist(PAIRS)


def data_set(form: str) -> Any:
    import datasets

    data = datasets.Dataset.from_list(PAIRS)
    return data.to_iterable_dataset() if form == "iterable" else data.with_format(form)


def by_index() -> Any:
    class Indexed:
        def __len__(self) -> int:
            return len(PAIRS)

        def __getitem__(self, at: int) -> dict[str, Any]:
            return PAIRS[at]

    return Indexed()


IN_MEMORY: dict[str, Callable[[], Any]] = {
    "pandas": pandas_frame,
    "polars": lambda: Frame(PAIRS),
    "polars, lazy": LazyFrame,
    "pyarrow": arrow_table,
    "pyarrow, batch": lambda: arrow_table().to_batches()[0],
    "pyarrow, reader": lambda: arrow_table().to_reader(),
    "data set, torch": lambda: data_set("torch"),
    "data set, numpy": lambda: data_set("numpy"),
    "data set, pandas": lambda: data_set("pandas"),
    "data set, iterable": lambda: data_set("iterable"),
    "columns": lambda: {name: [row[name] for row in PAIRS] for name in PAIRS[0]},
    "columns of a data set": lambda: data_set("numpy").to_dict(),
    "generator": lambda: (row for row in PAIRS),
    "sequence": by_index,
}


@pytest.mark.parametrize("form", IN_MEMORY)
def test_data_in_memory(form: str) -> None:
    assert read(IN_MEMORY[form]()).fingerprint == WHOLE


def test_a_missing_value_of_a_frame_is_no_value() -> None:
    import pandas

    frame = pandas.DataFrame([{**PAIRS[0], "weight": 2.0, "note": "x"}, {**PAIRS[1]}])
    assert [record.fields for record in read(frame)] == [{"weight": 2.0, "note": "x"}, {}]
    with pytest.raises(DataError, match=r"'chosen' is nothing \(null\)"):
        read(pandas.DataFrame([PAIRS[0], {**PAIRS[1], "chosen": None}]))


def test_arrays_and_numbers_of_numpy_are_lists_and_numbers() -> None:
    import numpy

    row = {"prompt": "Hi", "completions": numpy.array(["a", "b"]), "scores": numpy.array([1.0, 0.0])}
    (ranking,) = read([row])
    assert ranking.kind == "ranking" and ranking.responses == ("a", "b")
    turns = numpy.array([{"role": "user", "content": "Hi"}], dtype=object)
    assert read([{"prompt": turns, "weight": numpy.float32(0.5)}])[0].fields == {"weight": 0.5}


def test_a_list_written_as_one_text_is_named_as_such(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text('{"prompt": "Hi"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"one pattern.*--data a\.jsonl --data b\.jsonl"):
        read(f"[{tmp_path / 'a.jsonl'}, {tmp_path / 'b.jsonl'}]")
