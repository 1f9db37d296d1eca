"""A pipeline runs what changed, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from penchant.errors import ConfigurationError, TrainingError
from penchant.training.pipelines import running
from penchant.training.pipelines.plan import read_plan
from penchant.training.pipelines.running import run_plan


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run; each writes its words where it should write."""
    found: list[list[str]] = []

    class Ended:
        returncode = 0

    def run(command: list[str], check: bool) -> Any:
        words = command[3:]
        found.append(words)
        goal = Path(words[words.index("--out") + 1])
        if words[0] == "train":
            goal.mkdir(exist_ok=True)
            goal = goal / "weights"
        goal.write_text(" ".join(words))
        return Ended()

    monkeypatch.setattr(running.subprocess, "run", run)
    return found


def plan_of(folder: Path, **changes: Any) -> Path:
    stages = {
        "pairs": f"data build swap {folder}/raw.jsonl --out {{out}}",
        "sft": f"train model=base --data {folder}/text.jsonl --out {{out}}",
        "dpo": "train model={sft} --data {pairs} {fed} --out {out}",
        "monitor": "generate {dpo} --out {out}",
    }
    for name in ("raw", "text"):
        if not (folder / f"{name}.jsonl").exists():
            (folder / f"{name}.jsonl").write_text("{}")
    (folder / "plan.yaml").write_text(
        yaml.safe_dump({"output": f"{folder}/out", "stages": stages, **changes}, sort_keys=False)
    )
    return folder / "plan.yaml"


def names(done: list[Any]) -> list[str]:
    return [each.stage for each in done if each.ran]


def test_a_stage_runs_again_only_if_something_before_it_changed(tmp_path: Path, commands: list[list[str]]) -> None:
    plan = read_plan(plan_of(tmp_path))
    assert names(run_plan(plan)) == ["pairs", "sft", "dpo", "monitor"]
    assert names(run_plan(plan)) == []
    (tmp_path / "raw.jsonl").write_text('{"a": 1}')
    assert names(run_plan(plan)) == ["pairs", "dpo", "monitor"]
    (tmp_path / "raw.jsonl").write_text("{}")
    assert names(run_plan(plan)) == []  # the former outputs are still there


def test_a_damaged_output_is_made_again(tmp_path: Path, commands: list[list[str]]) -> None:
    plan = read_plan(plan_of(tmp_path))
    done = run_plan(plan)
    (done[1].output / "weights").write_text("other")
    assert names(run_plan(plan)) == ["sft"]


def test_new_pairs_are_fed_back(tmp_path: Path, commands: list[list[str]]) -> None:
    done = run_plan(read_plan(plan_of(tmp_path, rounds=2, feed="monitor")))
    assert [each.stage for each in done if each.round == 2 and each.ran] == ["dpo", "monitor"]
    first, second = (words for words in commands if words[0] == "train" and "--data" in words and "/dpo/" in words[-2])
    assert str(done[3].output) in second
    assert str(done[3].output) not in first


def test_a_failed_stage_keeps_those_before_it(
    tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_plan(plan_of(tmp_path))
    whole = running.subprocess.run

    class Failed:
        returncode = 1

    monkeypatch.setattr(
        running.subprocess, "run", lambda words, check: Failed() if "generate" in words else whole(words, check)
    )
    with pytest.raises(TrainingError, match="The stage monitor ended with the exit code 1"):
        run_plan(plan)
    monkeypatch.setattr(running.subprocess, "run", whole)
    assert names(run_plan(plan)) == ["monitor"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": {}}, "no stages"),
        ({"stages": {"a": "train --out {b}{out}"}}, "reads 'b', which is no stage before it"),
        ({"stages": {"a": "train --out x"}}, "writes nowhere"),
        ({"stages": {"a": "pipeline {out}"}}, "no command of its own"),
        ({"speed": 1}, "unknown key 'speed'"),
        ({"measure": "accuracy"}, "belong together"),
        ({"rounds": 0}, "rounds is 0"),
        ({"rounds": 2}, "Without feed"),
        ({"feed": "x"}, "feed names 'x'"),
    ],
)
def test_plans_that_cannot_run_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_plan(plan_of(tmp_path, **changes))


def test_a_plan_names_functions_beside_it_alone(tmp_path: Path) -> None:
    (tmp_path / "rewards.py").write_text("def f(prompt, response): return 1.0\n")
    inputs = {"judge": "function,path=rewards.py:f", "own": "none"}
    plan = plan_of(tmp_path, inputs=inputs, stages={"a": "judge D --judge {judge} --judge {own} --out {out}"})
    full = f"function,path={tmp_path}/rewards.py:f"
    assert read_plan(plan).stages[0].commands[0][3:6] == (full, "--judge", "none")
    theirs = "function,path=/opt/theirs.py:f"
    assert read_plan(plan, {"own": theirs}).stages[0].commands[0][5] == theirs, "what the caller gives is trusted"
    for stage in (f"judge D --judge {theirs} --out {{out}}", "online grpo judge.path=shutil:rmtree --out {out}"):
        with pytest.raises(ConfigurationError, match=r"beside the recipe|module of Python"):
            read_plan(plan_of(tmp_path, stages={"a": stage}))
    with pytest.raises(ConfigurationError, match="beside the recipe"):
        read_plan(plan_of(tmp_path, inputs={"judge": theirs}, stages={"a": "judge D --judge {judge} --out {out}"}))


@pytest.mark.parametrize("option", ["--trust-remote-code", "--allow-outside", "trust_remote_code=true"])
def test_a_plan_trusts_nothing_by_itself(option: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="may not give"):
        read_plan(plan_of(tmp_path, stages={"a": f"train --model M {option} --out {{out}}"}))
