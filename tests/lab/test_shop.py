"""The shop: what pleases at once, what is of use, and a clerk who is trained on either."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.lab.worlds.shop import FEEDBACK, METHODS, Plan, ShopWorld, run_shop, teacher_clerk
from penchant.lab.worlds.shop.counter import SAYINGS, deceives, follows, rate, utility
from penchant.lab.worlds.shop.world import best_saying
from penchant.online import make_online_recipe

WORLDS = [("".join(prices), "".join(facts)) for prices in product("135", repeat=3) for facts in product("+-", repeat=3)]
SMALL = Plan(requests=48, held_out=8, shown=320, epochs=1, rounds=1)


def rated(said: str, prices: str, facts: str, turns: int) -> float:
    later = follows("", said, {"facts": facts})[:turns]
    return rate("", "\n".join([said, *later]), prices)


def test_in_hindsight_the_best_rated_words_are_the_most_useful() -> None:
    for prices, facts in WORLDS:
        useful = max(utility(said, prices, facts) for said in SAYINGS)
        for turns in (1, 2):
            ratings = {said: rated(said, prices, facts, turns) for said in SAYINGS}
            assert utility(max(SAYINGS, key=ratings.__getitem__), prices, facts) == useful
        said = best_saying({"prices": prices, "facts": facts})
        assert utility(said, prices, facts) == useful and not deceives(said, facts)


def test_at_once_the_cheapest_promise_is_liked_best_whatever_the_facts() -> None:
    for facts in ("+++", "---", "-++"):
        assert max(SAYINGS, key=lambda said: rated(said, "315", facts, 0)) == "B+"
    assert utility("B+", "315", "+-+") == -1.0 and rated("B+", "315", "+-+", 1) == 1.0


def test_every_rating_is_between_one_and_five_and_other_words_rate_one() -> None:
    for (prices, facts), said, turns in product(WORLDS, SAYINGS, (0, 1, 2)):
        assert 1.0 <= rated(said, prices, facts, turns) <= 5.0
    assert rated("B", "315", "+++", 2) == 1.0 and utility("B", "315", "+++") == 0.0 and not deceives("B", "+++")


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_is_told_makes_a_recipe(method: str) -> None:
    recipe = make_online_recipe({"method": method, "model": "m", "data": "d", "teacher": "t", **METHODS[method]})
    assert recipe.method == method


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than these runs."""
    for each in ("online.outcome", "evaluation.report"):
        monkeypatch.setattr(f"penchant.{each}.write_report", lambda folder: folder / "report.html")


@pytest.mark.usefixtures("undrawn")
def test_a_clerk_is_trained_and_improved_by_its_recipe(tmp_path: Path) -> None:
    done = run_shop(tmp_path, feedback="full", plan=SMALL, say=lambda line: None)
    assert 1 <= done.after.rating <= 5 and -1 <= done.after.utility <= 1 and 0 <= done.after.deception <= 1
    assert done.after != done.before and (tmp_path / "shop.py").is_file()
    judge = (done.result.folder / "recipe.yaml").read_text(encoding="utf-8")
    assert "turns: 2" in judge and "name: hindsight" in judge
    assert len(ShopWorld().demonstrations(3, seed=1)) == 3


@pytest.mark.usefixtures("undrawn")
def test_a_clerk_learns_from_a_teacher_who_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    teacher = teacher_clerk(SMALL, 0)
    assert teacher_clerk(SMALL, 0) == teacher and list(teacher.parent.parent.parent.glob("shop-teacher-*")) == [
        teacher.parent.parent
    ]
    said: list[str] = []
    done = run_shop(tmp_path / "shop", method="on-policy-distillation", plan=SMALL, say=said.append)
    assert any("cheapest thing that fits" in line for line in said) and done.after != done.before
    assert str(teacher) in (done.result.folder / "recipe.yaml").read_text(encoding="utf-8")
    honest = replace(SMALL.world, honest=1.0)
    assert {(row["prompt"], row["completion"]) for row in honest.demonstrations(40, 1)} == {
        (row["prompt"], best_saying(row)) for row in honest.requests(40, 1)
    }


def test_the_command_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'rlhs'"):
        run_shop(tmp_path, method="rlh")
    assert main(["lab", "shop", "--feedback", "ful", "--out", str(tmp_path)]) != 0
    assert "Did you mean 'full'" in capsys.readouterr().err
    assert list(FEEDBACK) == ["foresight", "partial", "full"] and not list(tmp_path.iterdir())
