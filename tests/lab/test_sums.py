"""The world of sums: its texts, and that a model gets better at it by checking its own answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.feedback.records import Demonstration
from penchant.lab.worlds.agents.experiment import METHODS as AGENTS
from penchant.lab.worlds.derivations import DERIVATIONS
from penchant.lab.worlds.shop.experiment import METHODS as SHOP
from penchant.lab.worlds.sums import (
    METHODS,
    Plan,
    build_tokenizer,
    careless_demonstrations,
    problems,
    run_sums,
    train_start,
)
from penchant.lab.worlds.sums.recipes import RECORDS, REVISING, TAUGHT
from penchant.lab.worlds.sums.records import COMPLAINT, KINDS, further_records, revisions
from penchant.lab.worlds.tools import TOOLS
from penchant.online import make_online_recipe, methods
from penchant.online.asking import Revision
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
    recipe = make_online_recipe({"method": method, "model": "m", "data": "d", "teacher": "t", **METHODS[method]})
    assert recipe.method == method and recipe.objective["name"]


def test_every_recipe_runs_by_its_name_in_a_world() -> None:
    """rere alone needs a catalogue of items, which `penchant recommend prepare` writes."""
    worlds = (METHODS, AGENTS, SHOP, DERIVATIONS.methods, TOOLS.methods, ["lspo"])
    assert {name for world in worlds for name in world} == set(methods()) - {"rere"}
    assert set(RECORDS) | TAUGHT | REVISING <= set(METHODS) and set(RECORDS.values()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_records_hold_what_a_method_learns_from(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(model: Path, prompts: list[str], each: int = 0) -> list[list[str]]:
        return [["7"] * (each or 1) for _ in prompts]

    monkeypatch.setattr("penchant.lab.worlds.sums.records.answers_of", answers)
    rows = [row | {"split": "train"} for row in problems(largest=6)]
    made = further_records(kind, rows, Path("nowhere"), seed=1)
    assert made == further_records(kind, rows, Path("nowhere"), seed=1)
    assert [(each["prompt"], each["answer"], each["split"]) for each in made] == [tuple(row.values()) for row in rows]
    for each in made:
        right, wrong = {
            "demonstrations": ([each.get("completion")], []),
            "pairs": ([each.get("chosen")], [each.get("rejected")]),
            "complaints": ([], [each.get("completion")]),
            "taught": ([], []),
            "by-category": ([each.get("completion")], []),
        }[kind]
        assert all(said == each["answer"] for said in right)
        assert all(said != each["answer"] and 0 <= int(said) <= 15 for said in wrong)
    assert kind != "taught" or {each["completion"] for each in made} == {"7"}
    if kind == "by-category":
        assert all(each["category"] == f"makes {each['answer']}" and each["samples"] == ["7"] * 8 for each in made)


def test_second_thoughts_are_written_as_a_revision_asks() -> None:
    [row] = problems(largest=1)[:1]
    [shown] = revisions([row], METHODS["drift"]["asking"]["instruction"], wrong=0.0, seed=0)
    [reply] = further_records("complaints", [row], Path(), seed=0)
    record = Demonstration(**{name: reply[name] for name in ("prompt", "completion")}, fields={"complaint": COMPLAINT})
    asked = Revision(**METHODS["drift"]["asking"]).question(record)
    assert shown["prompt"] == asked and shown["completion"] == row["answer"]


@pytest.mark.parametrize(
    "method", [each if each == "hypo" else pytest.param(each, marks=pytest.mark.long) for each in METHODS]
)
def test_a_method_runs_with_what_it_learns_from(method: str, quick: Path) -> None:
    plan = replace(SMALL, start_epochs=2, copies=12, rounds=2)
    found = run_sums(quick, method=method, plan=plan, say=lambda line: None)
    assert found.result.summary["steps"] > 0 and len(found.curve) == 3
    if method in RECORDS:
        assert (quick / f"sums-{RECORDS[method]}.jsonl").is_file()


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'grpo'"):
        run_sums(tmp_path, method="gropo")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for runs that need not learn."""
    return tmp_path_factory.mktemp("quick")


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
