"""`Plan`, the stages of a pipeline as a YAML file states them, checked before the first one runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError, nearest
from penchant.plain_files import readable_text
from penchant.python_path import beside

__all__ = ["REFERENCE", "Plan", "Stage", "makes_model", "names", "read_plan"]

HERE = Path(__file__).parent
#: ``{name}`` stands for the output of a stage; ``{out}`` for the stage's own; ``{1}`` for that of its first command;
#: ``{fed}`` for what earlier rounds gave.
REFERENCE = re.compile(r"\{(\w[\w-]*)\}")
Makes = Callable[[str, Path, list[str]], Mapping[str, str]]
# Options that trust what is loaded; keys of recipes alike.
_TRUSTING = {"--trust-remote-code", "trust_remote_code", "--allow-outside", "allow_outside"}
# A function that a judge or an objective names: judge.path=rewards.py:brevity, function,path=rewards.py:brevity.
_PLACE = re.compile(r"(?<![\w-])path=([^\s,{}\[\]]+)")
_KEYS = {"output", "stages", "measure", "data", "rounds", "feed", "inputs", "world"}


@dataclass(frozen=True)
class Stage:
    """One stage.

    Args:
        name: of the stage.
        commands: the words of its penchant commands, with references; the last one writes the stage's output.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All words of all commands."""
        return tuple(word for command in self.commands for word in command)

    @property
    def reads(self) -> list[str]:
        """The stages whose outputs it reads."""
        found = (each for word in self.words for each in REFERENCE.findall(word))
        return [each for each in found if each not in ("out", "fed") and not each.isdigit()]

    @property
    def makes_model(self) -> bool:
        """Whether its output is a model."""
        return makes_model(self.commands[-1])


def makes_model(command: tuple[str, ...]) -> bool:
    """Whether a command writes the folder of a model, and not a file.

    Args:
        command: its words.
    """
    return command[0] in ("train", "merge", "online", "unlearn")


@dataclass(frozen=True)
class Plan:
    """A pipeline.

    Args:
        output: its folder.
        stages: in their order.
        measure: ``likelihood`` or ``accuracy``, by which the models of all stages are compared; None for no comparison.
        data: held-out file of the measure.
        rounds: passes over all stages.
        feed: the stage whose output joins the data of stages with ``{fed}`` in the next rounds.
    """

    output: Path
    stages: tuple[Stage, ...]
    measure: str | None = None
    data: str | None = None
    rounds: int = 1
    feed: str | None = None


def names() -> list[str]:
    """The names of the packaged plans.

    Example:
        >>> names()
        ['domain-adaptation', 'itool', 'medical-reasoning', 'seven-stages']
    """
    return sorted(path.stem for path in HERE.glob("*.yaml"))


@dataclass(frozen=True)
class Inputs:
    """A plan's inputs, and what its file may name.

    A file from elsewhere is held to what a recipe may do: it names functions only of files beside it, and neither runs
    the code of a model's repository nor reads files outside of the data's folder. What the caller gives is trusted.

    Args:
        plan: its file, or its name.
        values: by name.
        given: names of those that the caller gave.
    """

    plan: Path
    values: Mapping[str, str]
    given: frozenset[str]

    def filled(self, word: str) -> str:
        """A word of a command with the inputs in their places.

        Raises:
            ConfigurationError: the file names what it may not.
        """
        word = self._with(word, self.values.keys() - self.given)
        if (option := word.partition("=")[0]) in _TRUSTING:
            raise _wrong(
                self.plan,
                f"A plan may not give {option}.",
                "Run that stage by itself, with the option, if you trust it.",
            )
        word = _PLACE.sub(lambda match: "path=" + beside(match.group(1), self.plan.parent, str(self.plan)), word)
        return self._with(word, self.given)

    def _with(self, word: str, names: Collection[str]) -> str:
        return REFERENCE.sub(lambda match: self.values[match[1]] if match[1] in names else match[0], word)


def read_plan(path: Path, given: Mapping[str, str] | None = None, made: Makes | None = None) -> Plan:
    """Read and check a plan.

    Args:
        path: of the file, or the name of a packaged plan.
        given: keys of the plan (``rounds``, ``output``), or its inputs, by name.
        made: gives inputs of a world: by its name, a folder for its files, and the names of the inputs.

    Raises:
        ConfigurationError: it is no plan; or a stage reads one that does not come before it, or has no output.
    """
    found = _content(path)
    if not isinstance(found, dict) or not isinstance(found.get("stages"), dict) or not found["stages"]:
        raise _wrong(path, "The plan has no stages.", "Write stages: {sft: train ... --out {out}}.")
    if unknown := sorted(set(found) - _KEYS):
        raise _wrong(path, f"The plan has an unknown key {unknown[0]!r}.", f"Known: {', '.join(sorted(_KEYS))}.")
    found |= {key: value for key, value in (given or {}).items() if key in _KEYS - {"stages", "inputs"}}
    own = {key: value for key, value in (given or {}).items() if key not in _KEYS}
    inputs = Inputs(path, _inputs(path, found, own, made), frozenset(own))
    stages = tuple(_stage(path, str(name), words, inputs) for name, words in found["stages"].items())
    _check_order(path, stages)
    data = found.get("data")
    plan = Plan(
        Path(str(found.get("output", "runs/pipeline"))),
        stages,
        found.get("measure"),
        None if data is None else inputs.filled(str(data)),
        found.get("rounds", 1),
        found.get("feed"),
    )
    _check_rest(path, plan)
    return plan


def _content(path: Path) -> Any:
    packaged = HERE / f"{path}.yaml"
    if str(path) in names():
        return yaml_document(packaged.read_text(encoding="utf-8"), str(path))
    if not path.exists() and "." not in path.name:
        known = ", ".join(names())
        raise _wrong(path, f"There is no plan. {nearest(str(path), names())}".rstrip(), f"Known: {known}, or a file.")
    return yaml_document(readable_text(path, ConfigurationError, "plan"), str(path))


def _inputs(path: Path, found: Mapping[str, Any], given: Mapping[str, str], made: Makes | None) -> dict[str, str]:
    """The plan's inputs by name: those given, then those of the file, then those of its world."""
    named = {str(key): value for key, value in (found.get("inputs") or {}).items()}
    if wrong := sorted(set(given) - set(named)):
        near = nearest(wrong[0], named)
        raise _wrong(
            path, f"The plan has no input {wrong[0]!r}. {near}".rstrip(), f"Known: {', '.join(sorted(named))}."
        )
    named |= {key: str(value) for key, value in given.items()}
    if (lacking := sorted(key for key, value in named.items() if value is None)) and found.get("world") and made:
        if given:
            raise _wrong(path, f"The inputs {', '.join(lacking)} are not given.", "Give all inputs, or none.")
        named |= made(str(found["world"]), Path(str(found.get("output", "runs/pipeline"))) / "world", lacking)
    if lacking := sorted(key for key, value in named.items() if value is None):
        raise _wrong(path, f"The inputs {', '.join(lacking)} are not given.", "Give them as KEY=VALUE.")
    return {key: str(value) for key, value in named.items()}


def _stage(path: Path, name: str, words: Any, inputs: Inputs) -> Stage:
    if not re.fullmatch(r"\w[\w-]*", name) or name in ("out", "fed") or name.isdigit() or name in inputs.values:
        raise _wrong(path, f"{name!r} is no name of a stage.", "Use letters, digits, - and _.")
    several = words if isinstance(words, list) and words and all(" " in str(each) for each in words) else [words]
    commands = tuple(_command(path, name, each, inputs) for each in several)
    for place, command in enumerate(commands, 1):
        goal = "out" if place == len(commands) else str(place)
        if not any(f"{{{goal}}}" in word for word in command):
            raise _wrong(path, f"The stage {name} writes nowhere.", f"Write --out {{{goal}}} in its command.")
        later = {each for word in command for each in REFERENCE.findall(word) if each.isdigit() and int(each) > place}
        if later:
            raise _wrong(path, f"The stage {name} reads {{{min(later)}}} before it is written.", "Move the command.")
    return Stage(name, commands)


def _command(path: Path, name: str, words: Any, inputs: Inputs) -> tuple[str, ...]:
    try:
        split = shlex.split(words) if isinstance(words, str) else [str(each) for each in words]
    except (ValueError, TypeError) as error:
        raise _wrong(path, f"The stage {name} is no command ({error}).", "Write the words of one.") from error
    if not split or split[0] == "pipeline":
        raise _wrong(path, f"The stage {name} is no command of its own.", "Write train, merge, data build, ...")
    return tuple(inputs.filled(word) for word in split)


def _check_order(path: Path, stages: tuple[Stage, ...]) -> None:
    known: set[str] = set()
    for stage in stages:
        for each in stage.reads:
            if each not in known:
                raise _wrong(path, f"The stage {stage.name} reads {each!r}, which is no stage before it.", "Move it.")
        known.add(stage.name)


def _check_rest(path: Path, plan: Plan) -> None:
    if plan.measure not in (None, "likelihood", "accuracy"):
        raise _wrong(path, f"There is no measure {plan.measure!r}.", "Expected likelihood or accuracy.")
    if (plan.measure is None) != (plan.data is None):
        raise _wrong(path, "measure and data belong together.", "Give both or neither.")
    if not isinstance(plan.rounds, int) or plan.rounds < 1:
        raise _wrong(path, f"rounds is {plan.rounds!r}.", "Expected a whole number of at least 1.")
    if plan.feed is not None and plan.feed not in [each.name for each in plan.stages]:
        raise _wrong(path, f"feed names {plan.feed!r}, which is no stage.", "Name the stage that finds new pairs.")
    if plan.feed is None and plan.rounds > 1:
        raise _wrong(path, "Without feed all rounds are alike.", "Name the stage that finds new pairs with feed.")


def _wrong(path: Path, what: str, fix: str) -> ConfigurationError:
    return ConfigurationError(what, where=str(path), fix=fix)
