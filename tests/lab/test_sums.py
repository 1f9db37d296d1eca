"""The world of sums: its texts, and that a model gets better at it by checking its own answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.lab.worlds.sums import (
    METHODS,
    Plan,
    build_tokenizer,
    careless_demonstrations,
    problems,
    run_sums,
    train_start,
)
from penchant.online import make_online_recipe
from penchant.rendering.renderer import Renderer
from penchant.rewards import Verifier

SMALL = Plan(largest=4, held_out=8, copies=60, start_epochs=3, rounds=16)


def test_answers_are_right_and_every_sum_occurs_once() -> None:
    rows = problems(largest=6, seed=3)
    assert len({row["prompt"] for row in rows}) == 49
    for row in rows:
        assert eval(row["prompt"].removesuffix("=")) == int(row["answer"])
    assert problems(largest=6, seed=3) == rows != problems(largest=6, seed=4)


def test_the_pupil_is_as_careless_as_told() -> None:
    rows = problems(largest=19)
    judge = Verifier([(row["prompt"], row["answer"]) for row in rows])
    shown = careless_demonstrations(rows, wrong=0.5, copies=5)
    right = sum(judge.score(each["prompt"], [each["completion"]])[0] for each in shown) / len(shown)
    assert len(shown) == 2000 and 0.45 < right < 0.56


def test_the_tokenizer_writes_sums_digit_by_digit_and_reads_them_back() -> None:
    renderer = Renderer(build_tokenizer())
    ids = renderer.prompt_ids("12+7=")
    assert len(ids) == 6 and renderer.decode(ids, skip_special_tokens=True) == "12+7="
    assert renderer.decode(renderer.response_ids("12+7=", "19"), skip_special_tokens=True) == "19"


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_is_told_makes_a_recipe(method: str) -> None:
    recipe = make_online_recipe({"method": method, "model": "m", "data": "d", **METHODS[method]})
    assert recipe.method == method and recipe.objective["name"]


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'grpo'"):
        run_sums(tmp_path, method="gropo")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a start; each method's run lies beside it."""
    folder = tmp_path_factory.mktemp("sums")
    train_start(folder, SMALL, seed=0, overwrite=False)
    return folder


@pytest.mark.parametrize("method", ["grpo", "iterative-dpo"])
def test_accuracy_rises_clearly(method: str, start: Path) -> None:
    """On the sums that it checks itself on, held out or not: this world is too small to hold much out."""
    found = run_sums(start, method=method, plan=SMALL, say=lambda line: None)
    rise = [value for _step, value, _low, _high in found.curve]
    sampled = found.result.summary
    assert sampled["after"]["accuracy"] == rise[-1] and len(rise) >= 8
    lines = (found.result.folder / "metrics.jsonl").read_text().splitlines()
    trained = [row["sampled/reward"] for row in map(json.loads, lines) if "sampled/reward" in row]
    assert sum(trained[-3:]) / 3 > sum(trained[:3]) / 3 + 0.25
    assert rise[-1] > rise[0]
