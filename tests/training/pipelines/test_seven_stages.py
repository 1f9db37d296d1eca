"""The packaged plans run by their commands; a stopped one goes on, and new pairs of the last stage are trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.training.pipelines import running
from penchant.training.pipelines.plan import read_plan
from penchant.training.pipelines.running import MANIFEST, Done, run_plan
from small_runs import model_folder, pairs, write_pairs

STAGES = [
    "data-preparation",
    "model-initialisation",
    "training-set-up",
    "fine-tuning",
    "evaluation",
    "deployment",
    "monitoring",
]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run, in this process; a text among them stops the next command of that name."""
    found: list[list[str]] = []

    def run(command: list[str], check: bool) -> Any:
        words = command[3:]
        if found and found[-1] == ["stop", words[0]]:
            found.pop()
            raise KeyboardInterrupt
        stop = found.pop() if found and found[-1][0] == "stop" else None
        found.append(words)
        found.extend([stop] if stop else [])
        return type("Ended", (), {"returncode": main(words)})

    monkeypatch.setattr(running.subprocess, "run", run)
    return found


def inputs(folder: Path) -> dict[str, str]:
    """Pairs of a few words, and prompts whose answer is a word that an untrained model writes now and then."""
    rows = pairs()
    shown = [{"prompt": each["prompt"], "completion": each["chosen"]} for each in rows]
    asked = [{"prompt": f"is {each['prompt']}", "answer": "good"} for each in rows]
    files = {"demonstrations": shown, "pairs": rows, "held_out": asked, "traffic": asked}
    for name, found in files.items():
        write_pairs(folder / f"{name}.jsonl", found)
    places = {name: str(folder / f"{name}.jsonl") for name in files}
    other = {"model": str(model_folder(folder / "model")), "rule": "contains", "tokens": "8"}
    return {**places, **other, "output": str(folder / "out")}


def names(done: list[Done], number: int) -> list[str]:
    return [each.stage for each in done if each.ran and each.round == number]


def test_the_seven_stages_go_on_where_they_stopped_and_feed_new_pairs_back(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    plan = read_plan(Path("seven-stages"), inputs(tmp_path))
    assert [each.name for each in plan.stages] == STAGES
    commands.append(["stop", "merge"])
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan)
    first = [words[0] for words in commands]
    assert first == ["data", "score", "plan", "train", "train", "evaluate"]
    commands.clear()
    done = run_plan(plan)
    assert names(done, 1) == ["deployment", "monitoring"]
    assert names(done, 2) == ["fine-tuning", "evaluation", "deployment", "monitoring"]
    new = next(each for each in done if each.stage == "monitoring").output
    rows = [json.loads(line) for line in new.read_text().splitlines()]
    assert rows
    assert all("good" in each["chosen"].split() and "good" not in each["rejected"].split() for each in rows)
    (trained,) = (words for words in commands if words[0] == "train" and "dpo" in words)
    assert str(new) in trained
    tuned = next(each.output for each in done if each.stage == "fine-tuning" and each.round == 2)
    assert json.loads((tuned / "summary.json").read_text())["examples"] == len(pairs()) + len(rows)
    commands.clear()
    assert [each.ran for each in run_plan(plan)] == [False] * 14
    assert not commands


def test_the_table_has_what_an_evaluation_found(
    tmp_path: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = inputs(tmp_path)
    stages = {
        "judged": f"evaluate {given['model']} --data {given['held_out']} --reference {given['model']} "
        "--judge function,path=rewards.py:brevity --max-new-tokens 2 --no-kl --prompts 2 --json {out}",
        "scored": f"score --data {given['pairs']} --model {given['model']} --out {{out}}",
    }
    (tmp_path / "rewards.py").write_text("def brevity(prompt, response):\n    return 0.25\n")
    (tmp_path / "plan.yaml").write_text(json.dumps({"output": given["output"], "stages": stages}))
    assert main(["pipeline", str(tmp_path / "plan.yaml"), "--json", str(tmp_path / "found.json")]) == 0
    table = next(part for part in capsys.readouterr().out.split("\n\n") if "stage" in part)
    (row,) = (line for line in table.splitlines() if " judged " in line)
    assert [cell.strip() for cell in row.strip("│").split("│")[3:5]] == ["0.2500", "0.2500"]
    assert "synergy" not in table
    judged, scored = json.loads((tmp_path / "found.json").read_text())
    assert [each["score"] for each in judged["judged"]] == [0.25]
    assert scored["judged"] == []


def test_a_manifest_says_what_a_stage_read_and_wrote(tmp_path: Path, commands: list[list[str]]) -> None:
    given = inputs(tmp_path)
    commands.append(["stop", "train"])
    with pytest.raises(KeyboardInterrupt):
        run_plan(read_plan(Path("seven-stages"), given))
    (found,) = (tmp_path / "out/model-initialisation").glob(f"*/{MANIFEST}")
    about = json.loads(found.read_text())["about"]
    assert {"key", "version", "command 1", f"input {given['pairs']}", f"input {given['model']}"} <= set(about)
    assert list(json.loads(found.read_text())["files"]) == ["out.jsonl"]


def test_a_chain_compares_all_its_prefixes(tmp_path: Path, commands: list[list[str]]) -> None:
    given = inputs(tmp_path)
    text = [{"prompt": "the", "completion": f" {each['prompt']}{each['chosen']}"} for each in pairs()]
    keys = {name: given[name] for name in ("model", "demonstrations", "pairs", "output")}
    keys |= {"text": str(write_pairs(tmp_path / "text.jsonl", text)), "instructed": given["model"], "objective": "orpo"}
    done = run_plan(read_plan(Path("domain-adaptation"), {**keys, "held_out": given["pairs"]}))
    assert [each.stage for each in done] == ["cpt", "sft", "preference", "merged"]
    assert all(each.score is not None for each in done)
    assert done[-1].synergy is not None
    assert [each.synergy for each in done[:-1]] == [None] * 3


def test_inputs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    with pytest.raises(ConfigurationError, match="no input 'modell'"):
        read_plan(Path("seven-stages"), {**given, "modell": "x"})
    del given["traffic"]
    with pytest.raises(ConfigurationError, match="traffic are not given"):
        read_plan(Path("seven-stages"), given)
    with pytest.raises(ConfigurationError, match="Did you mean 'seven-stages'"):
        read_plan(Path("seven-stage"))


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (["train --out {out}", "merge {1} --out {out}"], r"write --out \{1\}|Write --out \{1\}"),
        (["merge {2} --out {1}", "merge {1} --out {out}"], r"reads \{2\} before"),
    ],
)
def test_stages_of_several_commands_are_checked(tmp_path: Path, stage: list[str], message: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps({"stages": {"a": stage}}))
    with pytest.raises(ConfigurationError, match=message):
        read_plan(path)


def test_the_chain_of_reasoning_preference_measures_both_ways_of_asking(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    keys = {name: given[name] for name in ("model", "pairs", "rule", "tokens", "output")}
    files = dict.fromkeys(("text", "direct", "explained"), given["held_out"])
    plan = read_plan(Path("medical-reasoning"), {**keys, **files})
    assert [each.name for each in plan.stages] == [
        "continued",
        "continued-direct",
        "continued-explained",
        "preferred",
        "preferred-direct",
        "preferred-explained",
    ]
    trained = [each.commands[0] for each in plan.stages if each.commands[0][0] == "train"]
    assert ["dpo+nll" in words for words in trained] == [False, True]
