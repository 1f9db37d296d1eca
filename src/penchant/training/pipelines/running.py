"""Runs the stages of a plan; a stage whose command and inputs are those of a finished one is not run again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from penchant.errors import TrainingError
from penchant.evaluation.policies.held_out import Measure
from penchant.locks import FolderLock
from penchant.manifest import content_of, digest_of, fault_of, hash_of, write_manifest
from penchant.model_folders import trained_model
from penchant.training.pipelines.plan import REFERENCE, Plan, Stage

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
    """

    stage: str
    round: int
    output: Path
    ran: bool
    score: float | None = None
    synergy: float | None = None


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
    plan.output.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(plan.output)
    lock.take()
    try:
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
    finally:
        lock.release()


def _stage(plan: Plan, stage: Stage, state: _State, fed: list[Path], number: int, said: Callable[[str], None]) -> Done:
    key = _key(stage, state, fed)
    folder = plan.output / stage.name / key[:16]
    output = folder / (_OUT if stage.makes_model else f"{_OUT}.jsonl")
    ran = fault_of(folder / MANIFEST, {"key": key}) is not None
    said(f"round {number}, {stage.name}: {'runs' if ran else 'unchanged'}")
    if ran:
        _run(stage, _words(stage, state, fed, output), folder, output, key)
    state.outputs[stage.name], state.keys[stage.name] = output, key
    done = Done(stage.name, number, output, ran)
    if plan.measure is not None and stage.makes_model:
        done.score = _score(plan, state, str(output))
        if stage.words[0] == "merge":
            parents = [_score(plan, state, each) for each in _parents(_words(stage, state, fed, output))]
            done.synergy = done.score - sum(parents) / len(parents)
    return done


def _parents(words: list[str]) -> list[str]:
    """The models of a merge: the words in front of its first option."""
    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return words[1:first]


def _words(stage: Stage, state: _State, fed: list[Path], output: Path) -> list[str]:
    """The command, with its references filled in."""
    places = {name: str(each) for name, each in state.outputs.items()} | {"out": str(output)}
    found: list[str] = []
    for word in stage.words:
        if word == "{fed}":
            found += [part for each in fed for part in ("--data", str(each))]
        else:
            found.append(REFERENCE.sub(lambda match: places[match.group(1)], word))
    return found


def _key(stage: Stage, state: _State, fed: list[Path]) -> str:
    """A hash of the command, of the stages that it reads, and of the files and folders that it names."""
    content: dict[str, object] = {"words": stage.words}
    content["stages"] = {each: state.keys[each] for each in stage.reads}
    content["fed"] = [hash_of(each) for each in fed] if "{fed}" in stage.words else []
    content["inputs"] = {word: _hash(word) for word in stage.words if "{" not in word}
    return digest_of(content)


def _hash(word: str) -> object:
    """The content of the file or folder that a word names, also as ``key=PATH``; None for any other word."""
    named = [each for each in (word, word.partition("=")[2]) if each]
    found = [content_of(Path(each).expanduser()) for each in named]
    return next((each for each in found if each is not None), None)


def _run(stage: Stage, words: list[str], folder: Path, output: Path, key: str) -> None:
    if stage.words[0] == "train":
        words = [*words, "--resume=auto"]  # a run that was stopped goes on
    elif folder.exists():
        shutil.rmtree(folder)  # what a stopped command left; the folder is this stage's alone
    folder.mkdir(parents=True, exist_ok=True)
    code = subprocess.run([sys.executable, "-m", "penchant", *words], check=False).returncode
    if code or not output.exists():
        reason = f"ended with the exit code {code}" if code else f"wrote nothing at {output}"
        raise TrainingError(
            f"The stage {stage.name} {reason}.",
            where=f"penchant {' '.join(words)}",
            fix="Mend what its message says, then run the same pipeline again; finished stages are kept.",
        )
    files = [output] if output.is_file() else [each for each in output.rglob("*") if each.is_file()]
    write_manifest(folder / MANIFEST, files, {"key": key})


def _score(plan: Plan, state: _State, model: str) -> float:
    """The score of a model, computed once."""
    if model not in state.scores:
        assert plan.measure is not None and plan.data is not None
        state.scores[model] = Measure(plan.measure, plan.data)(Path(trained_model(model)))
    return state.scores[model]
