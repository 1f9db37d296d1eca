"""Online runs of the lab's worlds that are killed, and end after ``resume`` as if they had not been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from online.killing import Killed, killed_at
from penchant.lab.worlds.agents import Plan as AgentsPlan
from penchant.lab.worlds.agents import run_agents
from penchant.lab.worlds.practice import Practice
from penchant.lab.worlds.shop import Plan as ShopPlan
from penchant.lab.worlds.shop import run_shop
from penchant.lab.worlds.shop.experiment import train_clerk
from penchant.lab.worlds.sums import Plan as SumsPlan
from penchant.lab.worlds.sums import run_sums, train_start
from penchant.lab.worlds.tools import TOOLS, careless_calls
from penchant.lab.worlds.words_game.experiment import play
from penchant.training.run import Result
from penchant.training.trainer import PreferenceTrainer
from small_runs import largest_gap, losses, weights

SUMS = SumsPlan(largest=4, held_out=8, copies=6, start_epochs=1, rounds=2)
SHOP = ShopPlan(requests=48, held_out=8, shown=128, epochs=1, rounds=2)
TALKS = (("samples_per_prompt", 2), ("eval_samples", 1), ("batch_size", 4), ("max_new_tokens", 8))
AGENTS = AgentsPlan(largest=2, held_out=3, copies=2, epochs=1, width=32, rounds=2, changes=TALKS)
CALLS = replace(TOOLS, shown=partial(careless_calls, 64), taught=partial(careless_calls, 64), epochs=1, hidden=32)

Make = Callable[[Path], object]
Play = Callable[[Path, bool], Result]


def quiet(line: str) -> None:
    """Say nothing."""


def tools(practice: Practice, folder: Path, resume: bool) -> Result:
    keys = {"iterations": 2, "prompts_per_iteration": 8, "samples_per_prompt": 2, "eval_limit": 4, "batch_size": 4}
    return practice.run(folder, "on-policy-distillation", resume=resume, say=quiet, **keys).result


#: For each world what makes its start model, and a run of two rounds.
WORLDS: dict[str, tuple[Make, Play]] = {
    "sums": (
        lambda folder: train_start(folder, SUMS, seed=0, overwrite=False),
        lambda folder, resume: run_sums(folder, method="hypo", plan=SUMS, resume=resume, say=quiet).result,
    ),
    "shop": (
        lambda folder: train_clerk(folder, SHOP, seed=0, overwrite=False),
        lambda folder, resume: run_shop(folder, method="rloo", plan=SHOP, resume=resume, say=quiet).result,
    ),
    "tools": (lambda folder: (CALLS.train_start(folder), CALLS.train_teacher(folder)), partial(tools, CALLS)),
    "agents": (
        lambda folder: None,
        lambda folder, resume: run_agents(folder, "on-policy-distillation", 0, AGENTS, resume=resume).result,
    ),
    "words": (
        lambda folder: None,
        lambda folder, resume: play(folder, rounds=2, resume=resume, samples_per_prompt=16).result,
    ),
}


@pytest.mark.parametrize(
    "world", [each if each == "agents" else pytest.param(each, marks=pytest.mark.long) for each in WORLDS]
)
def test_a_killed_run_of_a_world_ends_as_an_uninterrupted_one(
    world: str, tmp_path: Path, kept_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(kept_models))
    for each in ("online.outcome", "evaluation.report"):  # drawing takes longer than these runs
        monkeypatch.setattr(f"penchant.{each}.write_report", lambda folder: folder / "report.html")
    make, run = WORLDS[world]
    make(tmp_path / "whole")
    make(tmp_path / "killed")
    whole = run(tmp_path / "whole", False)
    steps = len(losses(whole.folder))
    assert steps > 1
    with monkeypatch.context() as patch:
        killed_at(patch, PreferenceTrainer, "training_step", steps)
        with pytest.raises(Killed):
            run(tmp_path / "killed", False)
    resumed = run(tmp_path / "killed", True)
    assert losses(resumed.folder) == losses(whole.folder)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0
