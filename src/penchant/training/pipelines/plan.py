"""`Plan`, the stages of a pipeline as a YAML file states them, checked before the first one runs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError
from penchant.plain_files import readable_text

__all__ = ["Plan", "Stage", "read_plan"]

#: ``{name}`` stands for the output of a stage; ``{out}`` for the stage's own; ``{fed}`` for what earlier rounds gave.
REFERENCE = re.compile(r"\{(\w[\w-]*)\}")
_KEYS = {"output", "stages", "measure", "data", "rounds", "feed"}


@dataclass(frozen=True)
class Stage:
    """One stage.

    Args:
        name: of the stage.
        words: of its penchant command, with references.
    """

    name: str
    words: tuple[str, ...]

    @property
    def reads(self) -> list[str]:
        """The stages whose outputs it reads."""
        return [each for word in self.words for each in REFERENCE.findall(word) if each not in ("out", "fed")]

    @property
    def makes_model(self) -> bool:
        """Whether its output is a model."""
        return self.words[0] in ("train", "merge", "online", "unlearn")


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


def read_plan(path: Path) -> Plan:
    """Read and check a plan.

    Raises:
        ConfigurationError: it is no plan; or a stage reads one that does not come before it, or has no output.
    """
    found = yaml_document(readable_text(path, ConfigurationError, "plan"), str(path))
    if not isinstance(found, dict) or not isinstance(found.get("stages"), dict) or not found["stages"]:
        raise _wrong(path, "The plan has no stages.", "Write stages: {sft: train ... --out {out}}.")
    if unknown := sorted(set(found) - _KEYS):
        raise _wrong(path, f"The plan has an unknown key {unknown[0]!r}.", f"Known: {', '.join(sorted(_KEYS))}.")
    stages = tuple(_stage(path, str(name), words) for name, words in found["stages"].items())
    _check_order(path, stages)
    plan = Plan(
        Path(str(found.get("output", "runs/pipeline"))),
        stages,
        found.get("measure"),
        found.get("data"),
        found.get("rounds", 1),
        found.get("feed"),
    )
    _check_rest(path, plan)
    return plan


def _stage(path: Path, name: str, words: Any) -> Stage:
    if not re.fullmatch(r"\w[\w-]*", name) or name in ("out", "fed"):
        raise _wrong(path, f"{name!r} is no name of a stage.", "Use letters, digits, - and _.")
    try:
        split = shlex.split(words) if isinstance(words, str) else [str(each) for each in words]
    except (ValueError, TypeError) as error:
        raise _wrong(path, f"The stage {name} is no command ({error}).", "Write the words of one.") from error
    if not split or split[0] == "pipeline":
        raise _wrong(path, f"The stage {name} is no command of its own.", "Write train, merge, data build, ...")
    if not any("{out}" in word for word in split):
        raise _wrong(path, f"The stage {name} writes nowhere.", "Write --out {out} in its command.")
    return Stage(name, tuple(split))


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
