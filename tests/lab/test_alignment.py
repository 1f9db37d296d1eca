"""Alignments in the worlds with a model: what is compared is the same for all, and a start is trained once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from penchant.lab import LanguageWorld
from penchant.lab.policies import answer
from penchant.lab.pretrained import Pretraining
from penchant.lab.worlds.language.alignment import align_each
from penchant.lab.worlds.sums import Plan
from penchant.lab.worlds.sums.improvement import improve

WORLD = LanguageWorld(pretraining=Pretraining(64, epochs=1, batch_size=16, learning_rate=5e-3, width=32))
SUMS = Plan(largest=3, held_out=4, copies=4, start_epochs=1, rounds=1)


@pytest.fixture(autouse=True)
def _base(with_base: Callable[[LanguageWorld], None]) -> None:
    with_base(WORLD)


def test_an_alignment_does_not_depend_on_those_beside_it() -> None:
    pairs = WORLD.pairs(24, seed=1)
    both = align_each(WORLD, {"one": "dpo", "other": "ipo"}, pairs, 3, epochs=1, judged=6)
    alone = align_each(WORLD, {"other": "ipo"}, pairs, 3, epochs=1, judged=6)
    assert list(both) == ["reference", "one", "other"]
    for name in ("reference", "other"):
        assert (both[name].reward, both[name].length) == (alone[name].reward, alone[name].length)
    assert both["one"].summary["after"]["loss"] != both["other"].summary["after"]["loss"]
    assert not both["reference"].summary and both["one"].model is not both["other"].model


def test_policies_are_judged_by_the_worlds_reward_on_fresh_prompts() -> None:
    spoken = align_each(WORLD, {}, [], 3, judged=6)["reference"]
    asked = [record["prompt"] for record in WORLD.prompts(6, 1_000_003)]
    assert not set(asked) & {record["prompt"] for record in WORLD.prompts(6, 3)}
    given = answer(WORLD.policy(), WORLD.tokenizer(), asked, max_new_tokens=WORLD.longest, seed=1_000_003)
    assert spoken.reward == fmean(WORLD.reward(prompt, each[0].text) for prompt, each in zip(asked, given, strict=True))
    assert spoken.length == fmean(len(each[0].ids) for each in given)


def test_all_methods_improve_on_one_start(tmp_path: Path) -> None:
    first = improve("rejection-sampling", 0, SUMS, folder=tmp_path)
    (start,) = tmp_path.iterdir()
    made = (start / "start" / "model" / "config.json").stat().st_mtime_ns
    again = improve("rejection-sampling", 0, SUMS, folder=tmp_path)
    other = improve("iterative-dpo", 0, SUMS, folder=tmp_path)
    assert first == again and first[0] == other[0] and len(first) == 2
    assert [each.name for each in tmp_path.iterdir()] == [start.name]
    assert (start / "start" / "model" / "config.json").stat().st_mtime_ns == made
