"""Runs on data of every form: what is read is the same run; what is doubtful is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.sources import Sources
from penchant.training import Result, make_recipe
from penchant.training.preparation import Given, prepare
from penchant.training.progress import ProgressReporter
from penchant.training.reading import read_data
from small_runs import losses, pairs, write_pairs

Train = Callable[..., Result]
ROWS = pairs()[:6]


def frame() -> Any:
    import pandas

    return pandas.DataFrame(ROWS)


def splits() -> Any:
    import datasets

    return datasets.DatasetDict(train=datasets.Dataset.from_list(ROWS), test=datasets.Dataset.from_list(ROWS[:2]))


def test_a_run_is_the_same_from_every_form(train: Train, tmp_path: Path) -> None:
    import datasets

    written = write_pairs(tmp_path / "train-00000-of-00001.jsonl", ROWS)
    forms = {
        "frame": frame(),
        "iterable": datasets.Dataset.from_list(ROWS).to_iterable_dataset(),
        "columns": {name: [row[name] for row in ROWS] for name in ROWS[0]},
        "generator": (row for row in ROWS),
        "pattern": str(tmp_path / "*.jsonl"),
        "list": [written],
    }
    expected = losses(train("rows", data=ROWS, max_steps=2).folder)
    for name, data in forms.items():
        assert losses(train(name, data=data, max_steps=2).folder) == expected, name


def test_the_splits_of_a_data_set_are_chosen(train: Train) -> None:
    run = train(data=splits(), split="train", eval_split="test", max_steps=1)
    assert run.summary["examples"] == 6 and "2 records" in run.summary["measured_on"]


def prepared(folder: Path, data: Any, capsys: pytest.CaptureFixture[str], **recipe: Any) -> str:
    named = {"data": "in memory"} if not isinstance(data, str) else {"data": data}
    given = Given(data=None if isinstance(data, str) else data)
    prepare(make_recipe({"model": str(folder), "max_steps": 1, **named, **recipe}), given, ProgressReporter())
    return " ".join(capsys.readouterr().err.split())


def test_training_on_several_splits_at_once_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "has the splits test, train, and the run trains on all of them" in prepared(folder, splits(), capsys)
    assert "all of them" not in prepared(folder, splits(), capsys, split="train")


def test_iterators_inside_a_mapping_or_mixture_can_be_read_again() -> None:
    rows = [{**row, "split": split} for row, split in zip(ROWS, ["train"] * 4 + ["test"] * 2, strict=True)]
    recipe = make_recipe({"model": "m", "data": "in memory", "split": "train", "eval_split": "test"})
    given = Given(data=[{"data": iter(rows), "weight": 2.0}, {"data": iter(rows)}])
    train, heldout, _ = read_data(recipe, given)
    assert isinstance(train, Sources) and train.weights == (2.0, 1.0)
    assert [len(part) for part in train.parts.values()] == [4, 4] and len(heldout) == 4


def test_a_mixture_of_data_in_memory_is_trained(train: Train, tmp_path: Path) -> None:
    path = write_pairs(tmp_path / "a.jsonl", ROWS[:4])
    run = train(data=[{"path": path, "weight": 0.5}, {"data": frame(), "weight": 0.5}], max_steps=2)
    assert run.summary["examples"] == 10 and "part 2 (in memory)" not in run.summary["fingerprints"]


def test_a_part_of_a_mixture_is_read_in_its_own_way(tmp_path: Path) -> None:
    first = write_pairs(
        tmp_path / "a.jsonl", [{**row, "split": "train"} for row in ROWS] + [{**ROWS[0], "split": "test"}]
    )
    renamed = [{"q": row["prompt"], "chosen": row["chosen"], "rejected": row["rejected"]} for row in ROWS[:2]]
    second = write_pairs(tmp_path / "b.jsonl", renamed)
    data = [
        {"path": str(first), "split": "train", "weight": 2},
        {"path": str(second), "mapping": {"prompt": "Say {q}"}},
    ]
    recipe = make_recipe({"model": "m", "data": data})
    train, _, _ = read_data(recipe, Given())
    assert isinstance(train, Sources) and [len(part) for part in train.parts.values()] == [6, 2]
    assert train[6].prompt == f"Say {ROWS[0]['prompt']}"
    with pytest.raises(ConfigurationError, match=r"part 2 of the mixture.*no key 'slpit'. Did you mean 'split'"):
        make_recipe({"model": "m", "data": [{"path": "a"}, {"path": "b", "slpit": "x"}]})


def test_an_empty_part_is_named_before_a_model_is_loaded(tmp_path: Path) -> None:
    first, empty = write_pairs(tmp_path / "a.jsonl", ROWS), write_pairs(tmp_path / "empty.jsonl", [])
    recipe = make_recipe({"model": "no such model", "data": [{"path": str(first)}, {"path": str(empty)}]})
    with pytest.raises(DataError, match=r"In .*empty.jsonl of the mixture: The data has no records"):
        prepare(recipe, Given(), ProgressReporter(True))


def test_a_mapping_in_a_recipe(tmp_path: Path, folder: Path) -> None:
    rows = [{"q": row["prompt"], "chosen": row["chosen"], "rejected": row["rejected"]} for row in ROWS]
    data = write_pairs(tmp_path / "a.jsonl", rows)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f'model: {folder}\ndata: {data}\nmapping: {{prompt: "Say {{q}}", weight: 0.5}}\nbatch_size: 2\n')
    words = ["train", str(recipe), "--out", str(tmp_path / "run"), "--dry-run"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert make_recipe({"model": "m", "data": "d", "mapping": {"weight": 0.5, "label": True}}).mapping == {
        "weight": "'0.5'",
        "label": "'true'",
    }
    with pytest.raises(ConfigurationError, match=r'prompt: YAML reads braces.*prompt: "\{q\}"'):
        make_recipe({"model": "m", "data": "d", "mapping": {"prompt": {"q": None}}})


def test_one_record_and_a_missing_file_are_good_sentences(train: Train) -> None:
    with pytest.raises(DataError, match=r"one dictionary with the keys prompt, chosen, rejected.*\[record\]"):
        train(data=ROWS[0])
    with pytest.raises(DataError, match=r"one dictionary.*frame.to_dict"):
        train(data=frame().to_dict())
    with pytest.raises(DataError, match="empty text"):
        train(data=" ")
