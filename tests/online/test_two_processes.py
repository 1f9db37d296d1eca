"""Two processes sample what one samples, and train to the same weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launching import torchrun
from penchant.errors import ConfigurationError
from penchant.online import make_online_recipe, run_online
from penchant.online.sharing import one_copy_each
from penchant.training.devices.processes import Processes
from served_apart import served_apart
from small_judges import JUDGES
from small_runs import largest_gap, losses, metrics, pairs, weights, write_pairs

SCRIPT = """
import json, os, sys
from pathlib import Path
import penchant.online.outcome
from penchant.online import make_online_recipe, run_online

penchant.online.outcome.write_report = lambda folder: folder / "report.html"
for keys in json.loads(Path(sys.argv[1]).read_text()):
    resume = keys.pop("resume", False)
    run_online(make_online_recipe(keys), resume=resume)
sys.stderr.flush()
os._exit(0)  # as `python -m penchant` ends one of several processes
"""
EXACT = 1e-5
KEYS: dict[str, Any] = {"judge": {"name": "function", "path": f"{JUDGES}:reds"}, "iterations": 3, "batch_size": 4}
KEYS |= {"prompts_per_iteration": 6, "samples_per_prompt": 4, "max_new_tokens": 6, "learning_rate": 3e-3}
KEYS |= {"eval_limit": 4, "save_rounds": 1, "samples": 0, "device": "cpu"}

#: What the runs change. Two prompts are sampled at once, so each process samples some.
RUNS: dict[str, dict[str, Any]] = {
    "group": {"method": "grpo", "temperature": 0.7, "engine.batch_size": 8},
    "whole step": {"method": "grpo", "objective": "bnpo", "engine.batch_size": 8, "iterations": 1},
    "adapter": {"reference": "previous", "lora": {"rank": 2}, "engine.batch_size": 8, "iterations": 2},
    "server": {"method": "grpo", "overlap": 1, "staleness": "token"},
}


def test_processes_that_divide_the_model_are_refused() -> None:
    assert one_copy_each(Processes(2, 1, "ddp")).count == 2
    with pytest.raises(ConfigurationError, match=r"strategy: .*2 processes, FSDP2.*strategy=ddp"):
        one_copy_each(Processes(2, 0, "fsdp"))


@pytest.fixture(scope="module")
def recipes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """The recipe of every run."""
    place = tmp_path_factory.mktemp("two")
    rows = [{"prompt": row["prompt"], "answer": "red"} for row in pairs(12)]
    given = {**KEYS, "model": str(folder), "data": str(write_pairs(place / "prompts.jsonl", rows))}
    with served_apart(folder) as url:
        engine = {"engine": {"name": "server", "url": url, "model": "policy", "attempts": 1, "update": "vllm"}}
        yield {name: {**given, **changed, **(engine if name == "server" else {})} for name, changed in RUNS.items()}


@pytest.fixture(scope="module")
def alone(recipes: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs, made by this process."""
    place = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("penchant.online.outcome.write_report", lambda run: run / "report.html")
        for name, keys in recipes.items():
            run_online(make_online_recipe({**keys, "output": str(place / name)}))
    return place


@pytest.fixture(scope="module")
def together(recipes: dict[str, dict[str, Any]], alone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs, made by two processes; "goes on" continues a run that one process began."""
    place = tmp_path_factory.mktemp("together")
    shutil.copytree(alone / "group", place / "goes on")
    (place / "goes on" / "states" / "state-00003.pt").unlink()
    for each in (place / "goes on" / "rounds" / "00003", place / "goes on" / "model"):
        shutil.rmtree(each)
    jobs = [{**keys, "output": str(place / name)} for name, keys in recipes.items()]
    jobs.append({**recipes["group"], "output": str(place / "goes on"), "resume": True})
    (place / "runs.py").write_text(SCRIPT)
    (place / "jobs.json").write_text(json.dumps(jobs))
    done = torchrun(2, str(place / "runs.py"), str(place / "jobs.json"))
    assert done.returncode == 0, done.stderr[-4000:]
    return place


def sampled(run: Path) -> list[Any]:
    """Everything of the rounds that has to be the same in every last letter."""
    found = []
    for path in sorted(run.glob("rounds/*/rollouts.json")):
        for each in json.loads(path.read_text(encoding="utf-8")):
            answers = [(one["ids"], one["text"]) for one in each["responses"]]
            found.append((path.parent.name, each["source"], each["version"], each["scores"], answers))
    return found


@pytest.mark.long
@pytest.mark.parametrize("name", [*RUNS, "goes on"])
def test_two_processes_are_one(name: str, together: Path, alone: Path, summary: Callable[[Path], Any]) -> None:
    run, other = together / name, alone / ("group" if name == "goes on" else name)
    assert (summary(run)["processes"], summary(run)["strategy"]) == (2, "ddp")
    assert (summary(other)["processes"], summary(other)["strategy"]) == (1, "single")
    assert len(sampled(run)) >= 6 and sampled(run) == sampled(other)
    assert losses(run) == pytest.approx(losses(other), abs=EXACT)
    assert largest_gap(weights(run), weights(other)) < EXACT
    here, there = metrics(run, "eval"), metrics(other, "eval")
    assert {step: row["reward"] for step, row in here.items()} == pytest.approx(
        {step: row["reward"] for step, row in there.items()}
    )


@pytest.fixture
def summary() -> Callable[[Path], Any]:
    return lambda run: json.loads((run / "summary.json").read_text(encoding="utf-8"))
