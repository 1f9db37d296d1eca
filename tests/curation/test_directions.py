"""Directions in prompts, and what is kept along them."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from penchant.curation.best_along import BestAlongDirection, best_along
from penchant.curation.directions import Directions, conditioned, draw_direction
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read


@pytest.mark.parametrize("size", [1, 2, 5])
def test_directions_are_unit_vectors_near_the_first_axis_on_all_sides(size: int) -> None:
    rng = random.Random(1)
    drawn = [draw_direction(size, 30.0, rng) for _time in range(200)]
    assert all(math.isclose(math.hypot(*each), 1.0) and each[0] >= math.cos(math.radians(30.01)) for each in drawn)
    assert all(min(each[axis] for each in drawn) < 0 < max(each[axis] for each in drawn) for axis in range(1, size))


def test_the_direction_stands_in_the_system_turn_and_the_prompt_in_its_field() -> None:
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    built = Directions(per_prompt=3).build(read([{"prompt": turns, "id": 7}, {"prompt": "Hello"}, {"prompt": "Hello"}]))
    assert len(built.rows) == 6 and built.counts["left out: the same prompt again"] == 1
    first, other = built.rows[0], built.rows[3]
    v = first["direction"]
    said = f"helpfulness*{round(100 * v[0])} + verbosity*{round(100 * v[1])}."
    assert first["original_prompt"] == turns and first["id"] == 7
    assert first["prompt"][0]["content"].startswith("Be kind.\n\n") and first["prompt"][0]["content"].endswith(said)
    assert [turn["role"] for turn in other["prompt"]] == ["system", "user"] and other["original_prompt"] == "Hello"
    assert read(list(built.rows)).kind == "prompt"


def test_a_text_may_stay_a_text_and_the_given_prompt_is_unchanged() -> None:
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    conditioned(turns, ["a"], [1.0])
    assert turns[0]["content"] == "Be kind."
    found = conditioned("Hi", ["a"], [1.0], as_text=True)
    assert isinstance(found, str) and found.endswith("= a*100.\n\nHi")


@pytest.mark.parametrize("fixed", ["1", "0,0", "a,b", "nan,1"])
def test_a_fixed_direction_of_another_form_is_refused(fixed: str) -> None:
    with pytest.raises(ConfigurationError, match="expected 2 numbers"):
        Directions(fixed=fixed).build(read([{"prompt": "Hi"}]))


def test_kept_responses_follow_the_direction_alone() -> None:
    ratings = [[0.9, 0.1], [0.5, 0.8], [float("nan"), 9.0], [0.1, 0.9]]
    scaled = [[7 * each for each in own] for own in ratings]
    for axis, best in ((0, [0, 1]), (1, [3, 1])):
        unit = [float(axis == 0), float(axis == 1)]
        assert best_along(unit, ratings, 2) == best_along(unit, scaled, 2) == best
    plus, minus = best_along([0.6, 0.8], ratings, 3), best_along([-0.6, -0.8], ratings, 3)
    assert plus == minus[::-1]


def test_judges_read_the_original_prompt(tmp_path: Path) -> None:
    path = tmp_path / "judges.py"
    path.write_text(
        "def echo(prompt, response):\n    assert prompt == 'Hi', prompt\n    return float(response == 'long one')\n\n\n"
        "def words(prompt, response):\n    return float(len(response.split()))\n"
    )
    judge = [f"function,path={path}:{name}" for name in ("echo", "words")]
    rows = []
    for sign in (1, -1):
        [row] = Directions(fixed=f"0.1,{sign}").build(read([{"prompt": "Hi"}])).rows
        rows += [{**row, "completion": text} for text in ("short", "a rather long one")]
    built = BestAlongDirection(judge=judge).build(read(rows))
    assert [row["completion"] for row in built.rows] == ["a rather long one", "short"]
    assert built.rows[0]["ratings"] == [0.0, 4.0] and built.rows[0]["prompt"][0]["role"] == "system"
    asked = {name: value for name, value in rows[0].items() if name != "completion"}
    sampled = BestAlongDirection(judge=judge).build(read([{**asked, "samples": ["short", "a rather long one"]}]))
    assert sampled.rows == [built.rows[0]]
    with pytest.raises(DataError, match="without the field samples"):
        BestAlongDirection(judge=judge).build(read([asked]))
    with pytest.raises(DataError, match="expected 1 numbers, one for each judge"):
        BestAlongDirection(judge=judge[1:]).build(read(rows))
