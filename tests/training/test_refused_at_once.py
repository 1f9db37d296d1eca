"""Recipes and folders that cannot be meant are refused in words, before any work and with nothing touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import ConfigurationError, DataError, OutputError
from penchant.forest.batching import plan_batches
from penchant.training import Result
from penchant.training.recipe import make_recipe
from penchant.training.recipe_keys import read_keys

Train = Callable[..., Result]


@pytest.mark.parametrize(
    "text",
    [
        "model: a\ndata: b\nmodel: c\n",
        "objective: {name: dpo, beta: 0.1, name: ipo}\n",
        "data:\n- {path: a, path: b}\n",
    ],
)
def test_a_key_that_is_given_twice(text: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"r\.yaml: The key '(model|name|path)' is given twice, in line \d"):
        read_keys(path)


def test_aliases_and_merged_keys_are_not_keys_twice(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("lora: &small {rank: 4}\nreference: {<<: *small, rank: 8}\ndenoising: *small\n")
    assert read_keys(path)["reference"] == {"rank": 8}


def test_a_recipe_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(b"\x00\x01\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"r\.yaml: The recipe is not UTF-8 text: byte 0xff"):
        read_keys(path)


@pytest.mark.parametrize("key", ["seed", "eval_seed"])
def test_a_seed_beyond_what_generators_take(key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{key}' is .*less than 4294967296"):
        make_recipe({"model": "m", "data": "d", "output": "o", key: 10**20})


@pytest.mark.parametrize("keys", [{"epochs": 1e8}, {"max_steps": 10**12}])
def test_a_plan_that_no_run_would_finish(keys: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=rf"{next(iter(keys))}: .*at most [\d,]+.* are planned"):
        plan_batches([5] * 12, **keys)


def test_flex_attention_on_a_cpu_is_refused_before_it_is_measured(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigurationError, match="attention: The attention 'flex' has no backward pass on a CPU"):
        train(attention="flex", device="cpu", progress=True)
    assert "Measuring" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "names", [["recipe.yaml"], ["recipe.yaml", "model/cake.txt", "samples/audio.wav"], ["checkpoints/a"]]
)
def test_a_folder_of_the_user_is_no_run(names: list[str], train: Train, tmp_path: Path) -> None:
    place = tmp_path / "project"
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("mine")
    for options in ({"overwrite": True}, {"resume": True}, {}):
        with pytest.raises(OutputError, match="files that are not a run"):
            train("project", **options)
    assert {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()} == set(names)
    assert all((place / name).read_text() == "mine" for name in names)


def test_data_of_which_nothing_is_left_are_named(train: Train, tmp_path: Path) -> None:
    path = tmp_path / "held.jsonl"
    path.write_text('{"prompt": "a", "chosen": "' + "b " * 900 + '", "rejected": "c"}')
    with pytest.raises(DataError, match=r"held\.jsonl: None of the 1 records can be used"):
        train(eval_data=path, max_length=64)
