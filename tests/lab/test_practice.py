"""Worlds in which a tiny model practises: derivations and calls of tools."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.lab.worlds.derivations import DERIVATIONS, careless_derivations, derivation, sums_with_answers
from penchant.lab.worlds.derivations.world import line_tokenizer
from penchant.lab.worlds.practice import Practice
from penchant.lab.worlds.tools import TOOLS, call_of, careless_calls, requests
from penchant.lab.worlds.tools.thirds import hard_first
from penchant.lab.worlds.tools.world import draw_request, tool_tokenizer
from penchant.online import make_online_recipe
from penchant.rendering.renderer import Renderer
from penchant.rewards import Verifier


def right_lines(text: str) -> list[bool]:
    return [eval(left) == int(right) for left, right in (line.split("=") for line in text.splitlines())]


def test_a_derivation_adds_one_number_a_line() -> None:
    for row in sums_with_answers(3, train=20, held_out=10):
        numbers = [int(each) for each in re.findall(r"\d+", row["prompt"])]
        text = derivation(numbers, [0] * 3)
        assert right_lines(text) == [True] * 3 and text.count("\n") == 3
        assert Verifier([(row["prompt"], row["answer"])]).score(row["prompt"], [text]) == [1.0]
        slipped = derivation(numbers, [0, 1, 0])
        assert right_lines(slipped) == [True, False, True]  # a later line goes on from what is there
        assert Verifier([(row["prompt"], row["answer"])]).score(row["prompt"], [slipped]) == [0.0]


def test_demonstrations_are_as_careless_as_told() -> None:
    lines = [each for row in careless_derivations(1000) for each in right_lines(row["completion"])]
    assert 0.72 < sum(lines) / len(lines) < 0.78
    calls = careless_calls(2000)
    wrong = {"trip": 0, "play": 0}
    seen = dict.fromkeys(wrong, 0)
    assert {each["completion"].partition("(")[0] for each in calls} == {"weather", "alarm", "play", "trip", "Hello."}
    for row in calls:
        kind = row["completion"].partition("(")[0]
        if kind in wrong:
            values = dict(re.findall(r"(\w+)=(\w+)", row["completion"]))
            wrong[kind] += kind == "trip" and f"to {values['end']}" not in row["prompt"]
            seen[kind] += 1
    assert wrong["play"] == 0 and 0.28 < wrong["trip"] / seen["trip"] < 0.38


@pytest.mark.parametrize(("rows", "tokenizer"), [(sums_with_answers, line_tokenizer), (requests, tool_tokenizer)])
def test_texts_survive_the_tokenizer_and_no_prompt_is_held_out_and_trained(rows: Any, tokenizer: Any) -> None:
    renderer = Renderer(tokenizer())
    drawn = rows(1)
    assert rows(1) == drawn != rows(2)
    assert len({row["prompt"] for row in drawn}) == len(drawn)
    for row in drawn:
        assert renderer.decode(renderer.prompt_ids(row["prompt"]), skip_special_tokens=True) == row["prompt"]
        said = row.get("completion", "1+2=3\n3+4=7\n")
        assert renderer.decode(renderer.response_ids(row["prompt"], said), skip_special_tokens=True) == said


def test_a_call_has_its_arguments_in_order() -> None:
    for seed in range(40):
        request = draw_request(random.Random(seed))
        text = call_of(request)
        assert text == "Hello." if not request.tool else text.startswith(f"{request.tool}(")
        assert re.findall(r"(\w+)=(\w+)", text) == list(request.arguments)
        assert all(value in request.text for _name, value in request.arguments)


@pytest.mark.parametrize(
    ("practice", "method"), [(each, method) for each in (DERIVATIONS, TOOLS) for method in each.methods]
)
def test_what_a_method_is_told_makes_a_recipe(practice: Practice, method: str) -> None:
    recipe = make_online_recipe(
        {"method": method, "model": "m", "data": "d", "teacher": "t", **practice.keys, **practice.methods[method]}
    )
    assert recipe.method == method


def test_a_small_run_through_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a start model of a few demonstrations."""
    small: dict[str, Any] = {"epochs": 1, "hidden": 32}
    tools = replace(TOOLS, shown=lambda: careless_calls(64), **small)
    tools.train_start(tmp_path / "t")
    capsys.readouterr()
    run = ["lab", "tools", "--method", "rejection-sampling", "--rounds", "1", "--out", str(tmp_path / "t")]
    assert main(run) == 0
    assert "rejection-sampling: accuracy on" in capsys.readouterr().out
    assert main(run) != 0 and "already holds another run" in capsys.readouterr().err
    from penchant.likelihood.loading import load_model

    model, rows = load_model(str(tmp_path / "t" / "start" / "model")), requests(0, train=0, held_out=12)
    ordered = hard_first(model, tools.tokenizer(), rows)
    assert sorted(map(str, ordered)) == sorted(map(str, rows)) and ordered != rows


@pytest.mark.parametrize("practice", [DERIVATIONS, TOOLS], ids=lambda each: each.name)
def test_a_teacher_is_shown_what_is_right(practice: Practice) -> None:
    assert practice.taught is not None
    rows = practice.taught()
    if practice is DERIVATIONS:
        assert all(all(right_lines(row["completion"])) for row in rows[:300])
    else:
        wrong = [row for row in rows if row["completion"].startswith("trip(") and "end=" in row["completion"]]
        ends = [dict(re.findall(r"(\w+)=(\w+)", row["completion"]))["end"] for row in wrong]
        assert wrong and all(f"to {end}" in row["prompt"] for row, end in zip(wrong, ends, strict=True))


@pytest.mark.long
def test_a_pupil_comes_closer_to_a_teacher_of_its_world(tmp_path: Path) -> None:
    small = replace(TOOLS, shown=lambda: careless_calls(300), taught=lambda: careless_calls(900, careless=False))
    found = small.run(tmp_path, "on-policy-distillation", say=lambda line: None, iterations=2, eval_every=1)
    assert len(found.curve) == 3 and found.after > found.before
    with pytest.raises(ConfigurationError, match="has no teacher"):
        replace(small, taught=None).train_teacher(tmp_path)


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'itool'"):
        TOOLS.run(tmp_path, "itools")
