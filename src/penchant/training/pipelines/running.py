"""Runs the stages of a plan; a stage whose command and inputs are those of a finished one is not run again."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import penchant
from penchant.errors import TrainingError
from penchant.evaluation.policies.held_out import Measure
from penchant.locks import working_in
from penchant.manifest import content_of, digest_of, fault_of, hash_of, write_manifest
from penchant.model_folders import trained_model
from penchant.training.pipelines.judged import judged_of
from penchant.training.pipelines.plan import REFERENCE, Plan, Stage, makes_model

__all__ = ["Done", "run_plan"]

MANIFEST = "stage.json"
_OUT = "out"


@dataclass
class Done:
    """What became of a stage in a round.

    Args:
        stage: its name.
        round: from 1.
        output: its file or folder.
        ran: whether it was run now, and not found finished.
        score: of its model, where the plan has a measure.
        synergy: of a merged model, its score minus the mean of its parents'.
        judged: where the stage is an evaluation, the figures of each checkpoint; see `judged_of`.
    """

    stage: str
    round: int
    output: Path
    ran: bool
    score: float | None = None
    synergy: float | None = None
    judged: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class _State:
    outputs: dict[str, Path] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)


def run_plan(plan: Plan, said: Callable[[str], None] = lambda line: None) -> list[Done]:
    """Run all stages, round after round.

    Each stage has the folder ``STAGE/KEY`` in the plan's output; the key is a hash of its command and of the content
    of all that it reads, so another input is another folder, and a stage that was stopped goes on where it was.

    Args:
        plan: the stages.
        said: called with a line for every stage.

    Raises:
        TrainingError: a command failed.
        OutputError: another process runs in the folder.
    """
    with working_in(plan.output, fix="Choose another folder with output=FOLDER."):
        fed: list[Path] = []
        found: list[Done] = []
        scores: dict[str, float] = {}
        for number in range(1, plan.rounds + 1):
            state = _State(scores=scores)
            for stage in plan.stages:
                done = _stage(plan, stage, state, fed, number, said)
                found.append(done)
                if stage.name == plan.feed:
                    new = done.output
            if plan.feed is not None:
                fed = [*fed, new]
        return found


def _stage(plan: Plan, stage: Stage, state: _State, fed: list[Path], number: int, said: Callable[[str], None]) -> Done:
    key = _key(stage, state, fed)
    folder = plan.output / stage.name / key[:16]
    goals = [
        folder / f"{_OUT if place == len(stage.commands) else place}{'' if makes_model(command) else '.jsonl'}"
        for place, command in enumerate(stage.commands, 1)
    ]
    output = goals[-1]
    ran = fault_of(folder / MANIFEST, {"key": key}) is not None
    said(f"round {number}, {stage.name}: {'runs' if ran else 'unchanged'}")
    if ran:
        folder.mkdir(parents=True, exist_ok=True)
        for command, goal in zip(stage.commands, goals, strict=True):
            _run(stage, _words(command, state, fed, goals), goal)
        _write_manifest(folder, goals, key, stage, state)
    state.outputs[stage.name], state.keys[stage.name] = output, key
    done = Done(stage.name, number, output, ran, judged=judged_of(stage.commands[-1], output))
    if plan.measure is not None and stage.makes_model:
        done.score = _score(plan, state, str(output))
        if stage.commands[-1][0] == "merge":
            merged = _words(stage.commands[-1], state, fed, goals)
            parents = [_score(plan, state, each) for each in _parents(merged)]
            done.synergy = done.score - sum(parents) / len(parents)
    return done


def _parents(words: list[str]) -> list[str]:
    """The models of a merge: the words in front of its first option."""
    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return words[1:first]


def _words(command: tuple[str, ...], state: _State, fed: list[Path], goals: list[Path]) -> list[str]:
    """A command of a stage, with its references filled in; ``goals`` are the outputs of the stage's commands."""
    places = {name: str(each) for name, each in state.outputs.items()} | {"out": str(goals[-1])}
    places |= {str(place): str(each) for place, each in enumerate(goals, 1)}
    found: list[str] = []
    for word in command:
        if word == "{fed}":
            # A round in which nothing was found adds nothing.
            found += [part for each in fed if each.stat().st_size for part in ("--data", str(each))]
        else:
            found.append(REFERENCE.sub(lambda match: places[match.group(1)], word))
    return found


def _key(stage: Stage, state: _State, fed: list[Path]) -> str:
    """A hash of the command, of the stages that it reads, and of the files and folders that it names."""
    content: dict[str, object] = {"words": stage.commands}
    content["stages"] = {each: state.keys[each] for each in stage.reads}
    content["fed"] = [hash_of(each) for each in fed] if "{fed}" in stage.words else []
    content["inputs"] = _named_inputs(stage)
    return digest_of(content)


def _named_inputs(stage: Stage) -> dict[str, object]:
    """The content of every file and folder that the words of a stage name."""
    found = {word: _hash(word) for word in stage.words if "{" not in word}
    return {word: content for word, content in found.items() if content is not None}


def _hash(word: str) -> object:
    """The content of the file or folder that a word names, also as ``key=PATH``; None for any other word."""
    named = [each for each in (word, word.partition("=")[2]) if each]
    found = [content_of(Path(each).expanduser()) for each in named]
    return next((each for each in found if each is not None), None)


def _run(stage: Stage, words: list[str], goal: Path) -> None:
    if words[0] == "train":
        words = [*words, "--resume=auto"]  # a run that was stopped goes on
    else:
        _remove(goal)  # what a stopped command left
    code = subprocess.run([sys.executable, "-m", "penchant", *words], check=False).returncode
    if code or not goal.exists():
        reason = f"ended with the exit code {code}" if code else f"wrote nothing at {goal}"
        raise TrainingError(
            f"The stage {stage.name} {reason}.",
            where=f"penchant {' '.join(words)}",
            fix="Mend what its message says, then run the same pipeline again; finished stages are kept.",
        )


def _remove(goal: Path) -> None:
    if goal.is_dir():
        shutil.rmtree(goal)
    goal.unlink(missing_ok=True)


def _write_manifest(folder: Path, goals: list[Path], key: str, stage: Stage, state: _State) -> None:
    """What the stage read and wrote: its key, commands, version, the hash of each input, and of each file written."""
    about = {"key": key, "version": penchant.__version__}
    about |= {f"command {place}": shlex.join(each) for place, each in enumerate(stage.commands, 1)}
    about |= {f"input {word}": digest_of(content) for word, content in _named_inputs(stage).items()}
    about |= {f"stage {each}": state.keys[each] for each in stage.reads}
    files = [file for goal in goals for file in ([goal] if goal.is_file() else goal.rglob("*")) if file.is_file()]
    write_manifest(folder / MANIFEST, files, about)


def _score(plan: Plan, state: _State, model: str) -> float:
    """The score of a model, computed once."""
    if model not in state.scores:
        assert plan.measure is not None and plan.data is not None
        state.scores[model] = Measure(plan.measure, plan.data)(Path(trained_model(model)))
    return state.scores[model]
