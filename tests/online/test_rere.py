"""ReRe: items of a catalogue as samples, and a run that resumes where it was killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penchant.curation.recommendation.preparation import Plan, prepare
from penchant.errors import ConfigurationError
from penchant.generation.catalogue import read_items
from penchant.online import make_online_recipe
from penchant.online.loop import run_online
from penchant.online.preparation import prepare as prepare_run
from penchant.online.round_files import RoundFiles
from penchant.training.folder import RunFolder
from penchant.training.preparation import Given
from penchant.training.trainer import PreferenceTrainer
from small_interactions import ITEMS, write_users
from small_runs import largest_gap, weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop")
    prepare(write_users(home / "u.jsonl"), home / "out", Plan(width=32, layers=1, valid_share=0.2))
    return home / "out"


def recipe(folder: Path, output: Path, **changes: Any) -> Any:
    keys = {
        "method": "rere",
        "model": str(folder / "model"),
        "data": str(folder / "next.jsonl"),
        "eval_data": str(folder / "valid.jsonl"),
        "output": str(output),
        "engine": {"name": "catalogue", "items": str(folder / "items.jsonl")},
        "iterations": 3,
        "prompts_per_iteration": 8,
        "samples_per_prompt": 4,
        "batch_size": 8,
        "learning_rate": 1e-2,
    }
    return make_online_recipe({**keys, **changes})


def test_samples_are_distinct_items_and_rewards_are_of_their_places(folder: Path, tmp_path: Path) -> None:
    run_online(recipe(folder, tmp_path / "run"))
    texts = {each.text for each in read_items(folder / "items.jsonl")}
    rollouts = [each for number in range(3) for each in RoundFiles(RunFolder(tmp_path / "run")).read(number) or []]
    assert len(rollouts) == 24
    for rollout in rollouts:
        written = [each.text for each in rollout.responses]
        assert len(set(written)) == 4 and set(written) <= texts
        assert all(each.finished for each in rollout.responses)
        # Wrong items are punished where the list holds the target, and only there.
        wrong = [score for score in rollout.scores if score != 1.0]
        assert all(score < 0 for score in wrong) if len(wrong) < 4 else not any(wrong)


def test_a_killed_run_ends_as_if_it_had_not_been(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_online(recipe(folder, tmp_path / "whole"))
    original, calls = PreferenceTrainer.training_step, []

    def dies(self: Any, *given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(PreferenceTrainer, "training_step", dies)
        with pytest.raises(KeyboardInterrupt):
            run_online(recipe(folder, tmp_path / "killed"))
    run_online(recipe(folder, tmp_path / "killed"), resume=True)
    assert largest_gap(weights(tmp_path / "whole"), weights(tmp_path / "killed")) == 0


def test_the_reward_rises(folder: Path, tmp_path: Path) -> None:
    result = run_online(recipe(folder, tmp_path / "run", iterations=12, prompts_per_iteration=24, eval_data=None))
    assert result.summary["after"]["reward"] > result.summary["before"]["reward"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples_per_prompt": ITEMS + 1}, "7 different items are wanted"),
        ({"eval_samples": ITEMS + 1}, "7 different items are wanted"),
        ({"max_new_tokens": 2}, "max_new_tokens=3"),
    ],
)
def test_more_items_than_there_are_and_too_few_tokens_are_refused_before_a_model_is_loaded(
    folder: Path, tmp_path: Path, changes: dict[str, int], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        prepare_run(recipe(folder, tmp_path / "run", **changes), Given())
