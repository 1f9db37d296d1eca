"""SIGKILL in a tree, after a look-ahead and in a judge's call: the resumed run equals the uninterrupted one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from online.samplers.search.test_search import SEARCH
from penchant.online import make_online_recipe, run_online
from penchant.training.run import Result
from small_runs import largest_gap, losses, pairs, weights, write_pairs

#: A judge that kills its own process at one of its calls, where the environment says so.
DEADLY = """
import os
import signal
from pathlib import Path

calls = []


def reds(prompt, response):
    calls.append(response)
    Path(__file__).with_name("count").write_text(str(len(calls)))
    if len(calls) == int(os.environ.get("DIES_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    words = response.split()
    return words.count("red") - 0.01 * len(words) - 0.001 * sum(map(len, words))
"""
CHILD = """
import json, sys
from penchant.online import make_online_recipe, run_online
run_online(make_online_recipe(json.load(open(sys.argv[1]))))
"""
#: For each place the recipe, and the call of the judge that dies: two measure before the first round; below 0 from
#: the end, of which two measure.
PLACES: dict[str, tuple[dict[str, Any], int]] = {
    "in a judge's call": ({"method": "rloo"}, 2 + 10),
    "in a tree": ({"sampler": SEARCH, "pairing": "siblings", "objective": "dpo"}, 2 + 3),
    "after a look-ahead": ({"method": "egpo"}, -2 - 3),
}


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_was_killed_for_good_ends_as_an_uninterrupted_one(place: str, folder: Path, tmp_path: Path) -> None:
    own, call = PLACES[place]
    (tmp_path / "deadly.py").write_text(DEADLY, encoding="utf-8")
    rows = [{"prompt": row["prompt"], "answer": "red"} for row in pairs(12)]
    keys: dict[str, Any] = {
        "model": str(folder),
        "data": str(write_pairs(tmp_path / "prompts.jsonl", rows)),
        "judge": {"name": "function", "path": f"{tmp_path / 'deadly.py'}:reds"},
        "iterations": 2,
        "prompts_per_iteration": 4,
        "samples_per_prompt": 4,
        "max_new_tokens": 6,
        "batch_size": 2,
        "learning_rate": 3e-3,
        "eval_limit": 2,
        "save_rounds": 1,
        "samples": 0,
        **own,
    }

    def run(name: str, resume: bool = False) -> Result:
        return run_online(make_online_recipe({**keys, "output": str(tmp_path / name)}), resume=resume)

    whole = run("whole")
    call += int((tmp_path / "count").read_text(encoding="utf-8")) if call < 0 else 0
    (tmp_path / "keys.json").write_text(json.dumps({**keys, "output": str(tmp_path / "killed")}), encoding="utf-8")
    command = [sys.executable, "-c", CHILD, str(tmp_path / "keys.json")]
    died = subprocess.run(
        command, env={**os.environ, "DIES_AT": str(call)}, capture_output=True, timeout=300, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    rounds = len(list((tmp_path / "killed" / "rounds").glob("*/rollouts.json")))
    assert rounds == (1 if place == "after a look-ahead" else 0), "killed while it sampled"
    resumed = run("killed", resume=True)
    assert losses(resumed.folder) == losses(whole.folder) and losses(whole.folder)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0
