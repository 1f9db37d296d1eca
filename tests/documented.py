"""What the commands, the YAML and the rows of a page say that the program does not know; nothing is run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
import yaml

from penchant.cli.app import app
from penchant.cli.generate import _parts
from penchant.cli.words import pairs, split_words
from penchant.errors import PenchantError
from penchant.known_settings import check_part_keys, kinds_of
from penchant.lab.claims import find_claim
from penchant.named_judge import judge_word
from penchant.objectives import build
from penchant.online.recipe import make_online_recipe, methods
from penchant.online.shown.paper_names import PAPER_NAMES
from penchant.online.solutions.recipes import make_multi_task, make_ssft
from penchant.training.pipelines.plan import read_plan
from penchant.training.recipe import make_recipe
from penchant.training.search.plan import plan_of
from penchant.training.studies.plans import names as packaged_studies
from penchant.training.studies.plans import read_study

__all__ = ["CONTRIBUTED", "commands", "mistakes", "row_blocks", "wrong_yaml", "yaml_blocks"]

#: What the guide shows how to add: an objective, a builder of data, a judge, a claim.
CONTRIBUTED = {"my-hinge", "cut-short", "brevity", "ipo-stays-near"}
#: A command in a block of code or between backticks, where it may continue on the next line.
_COMMAND = re.compile(
    r"^(?:[$>] |\.venv/bin/|[ ]{2,}|.*-m (?=penchant ))*(penchant [^`#\n]*)|`(?:[a-z-]+ [^`]*-m )?(penchant\s[^`]*)`",
    re.MULTILINE,
)
_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Words that stand for something else on a page.
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9.,=_]*|…|\.\.\.|\[[a-zA-Z]+\]")
#: Options that take a judge as NAME,KEY=VALUE.
_JUDGES = ("--judge", "--reward", "--best", "--gold-model")
_NEEDED = {"model": "M", "data": "D", "output": "O"}


def commands(text: str) -> list[str]:
    """The commands that a page shows, each in one line; those of things that the page shows how to add are left out."""
    # A command that a page shows with its error is wrong on purpose.
    right = re.sub(r"^\$ .*\n(?=penchant: error)", "", text, flags=re.MULTILINE)
    joined = re.sub(r" \\\n\s*", " ", right)
    lines = [" ".join((block or inline).split()) for block, inline in _COMMAND.findall(joined)]
    return [line for line in lines if not CONTRIBUTED & set(re.split(r"[\s=,]", line))]


def yaml_blocks(text: str) -> list[str]:
    """The blocks of YAML that a page shows, without those for other programs."""
    return [block for block in _YAML.findall(text) if "distributed_type" not in block]


@cache
def _command_line() -> Any:
    return typer.main.get_command(app)


@cache
def _command(path: tuple[str, ...]) -> Any:
    """The command of a path; a name in capitals stands for a builder."""
    command = _command_line()
    for name in path:
        command = command.get_command(None, "degrade" if name.isupper() else name)
    return command


def row_blocks(text: str) -> list[list[dict[str, Any]]]:
    """The rows of data that a page shows, block by block; those of images name files that are nowhere."""
    blocks = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [_rows(block) for block in blocks if "image" not in block]


def _rows(block: str) -> list[dict[str, Any]]:
    try:
        return [json.loads(block)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in block.splitlines()]


def _words(line: str) -> list[str]:
    """The words of a command, without what stands for more of them."""
    words = [word.rstrip(",;:") for word in shlex.split(line.partition(" && ")[0].partition(" | ")[0])[1:]]
    return [word for word in words if word not in ("…", "...", "[options]") and "$" not in word]


def mistakes(line: str) -> list[str]:
    """What of a command line the program does not know: command, option, value, objective, judge, recipe key, claim."""
    words, path = _words(line), ()
    while words and hasattr(_command(path), "get_command") and not words[0].startswith("-"):
        name = words.pop(0)
        if not name.isupper() and name not in _command(path).list_commands(None):
            return [f"no command {name}"]
        path = (*path, name)
    command = _command(path)
    options = {option for each in command.params for option in each.opts} | {"--help", "--debug"}
    if wrong := [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]:
        return wrong
    try:
        given = _parsed(command, words)
        _check(" ".join(path), given, words)
    except PenchantError as error:
        return [str(error)]
    return []


def _parsed(command: Any, words: list[str]) -> dict[str, Any]:
    """The values of a command's parameters; a command in a sentence may lack some, and a placeholder has no type.

    Raises:
        PenchantError: a value has another type than its option, or there are more arguments than the command takes.
    """
    try:
        with redirect_stdout(StringIO()):
            return dict(command.make_context(command.name, list(words)).params)
    except Exception as error:
        if type(error).__name__ in ("Exit", "MissingParameter", "NoArgsIsHelpError"):
            return {}
        # Of the parser, whose module differs between versions of typer.
        if not hasattr(error, "format_message"):
            raise
        found = error.format_message()
    if "requires an argument" in found:
        return {}
    stand_in = {i for i, (_, word) in enumerate(pairwise(words), 1) if _PLACEHOLDER.fullmatch(word)}
    known = [word for i, word in enumerate(words) if not {i, i + 1} & stand_in]
    if len(known) == len(words):
        raise PenchantError(found)
    return _parsed(command, known)


def _check(command: str, given: Mapping[str, Any], words: list[str]) -> None:
    """Refuse what the parser lets through, since the command looks at it when it runs."""
    for option, value in pairwise(words):
        if _PLACEHOLDER.fullmatch(value):
            continue
        if option in ("--objective", "--objectives"):
            for name in value.split(","):
                build(name)
        if option in _JUDGES:
            _check_judge(value)
    if not given:
        return
    keys = [word for word in given.get("words") or [] if not _PLACEHOLDER.fullmatch(word)]
    if command in ("train", "plan", "compare", "unlearn"):
        _check_recipe(command, given, keys)
    elif command == "online":
        _check_online(given, keys)
    elif command == "generate":
        _parts(pairs(keys, "key=value"), {part: _named(given[part]) for part in ("engine", "prompting", "choice")})
    elif command == "study" and given["name"] in packaged_studies() and keys:
        read_study(given["name"], pairs(keys, "key=value"))
    elif command == "pipeline" and "." not in str(given.get("plan", ".")):
        read_plan(given["plan"], pairs(keys, "key=value"), lambda world, folder, names: dict.fromkeys(names, "x"))
    elif command == "merge" and given.get("method"):
        check_part_keys("merging method", _settings(given["method"]))
    elif command == "methods show" and not _PLACEHOLDER.fullmatch(name := given["name"]):
        if not kinds_of(name) and name not in PAPER_NAMES:
            raise PenchantError(f"There is no method {name!r}.")
    elif command == "claims":
        for name in given.get("names") or []:
            if not _PLACEHOLDER.fullmatch(name):
                find_claim(name)


def _named(word: str | None) -> str | None:
    return None if word is None or _PLACEHOLDER.fullmatch(word) else word


def _settings(word: str) -> dict[str, Any]:
    """Name and settings of NAME,KEY=VALUE."""
    return judge_word(word, "word", lambda folder: {})


def _check_judge(word: str) -> None:
    """Refuse settings that a packaged judge does not have; a folder of a reward model is not on this machine."""
    name, comma, _ = word.partition(",")
    if "/" in name or name.isupper() or word.endswith(".yaml"):
        return
    if "judge" in kinds_of(name):
        check_part_keys("judge", _settings(word), besides=("as",))
    elif comma and not (name.startswith("my-") or "reward" in name):
        raise PenchantError(f"There is no judge {name!r}.")


def _check_recipe(command: str, given: Mapping[str, Any], words: list[str]) -> None:
    """Refuse keys that no recipe has, and settings that the objective does not have."""
    packaged = next((word for word in words if word in ("ssft", "multi-task")), None)
    words = [word for word in words if word != packaged and word != "auto"]
    _, keys = split_words([word for word in words if "=" in word])
    name = given.get("objective") or given.get("method") or keys.pop("objective", None) or "dpo"
    settings = pairs(given.get("set_") or [], "--set")
    if command == "compare" or _PLACEHOLDER.fullmatch(str(name)):
        settings, name = {}, name if command == "compare" else "dpo"
    if packaged:
        (make_ssft if packaged == "ssft" else make_multi_task)({**_NEEDED, **keys})
        return
    keys |= {f"objective.{key}": value for key, value in settings.items()}
    recipe = make_recipe({**_NEEDED, "objective": name, **keys} if isinstance(name, str) else {**_NEEDED, **keys})
    build(recipe.objective["name"], **recipe.hyper)


def _check_online(given: Mapping[str, Any], words: list[str]) -> None:
    """Refuse a recipe that does not exist, and keys that it does not have."""
    first = next((word for word in words if "=" not in word), "grpo")
    if first == "list":
        return
    method = given.get("method") or ("grpo" if first.endswith((".yaml", ".yml")) else first)
    if method not in methods() and not _PLACEHOLDER.fullmatch(method):
        raise PenchantError(f"There is no recipe {method!r}.")
    keys = pairs([word for word in words if "=" in word], "key=value")
    keys |= {f"objective.{key}": value for key, value in pairs(given.get("set_") or [], "--set").items()}
    if given.get("objective"):
        keys["objective"] = given["objective"]
    make_online_recipe({**_NEEDED, "method": method if method in methods() else "grpo", **keys})


def wrong_yaml(block: str, folder: Path) -> Iterator[str]:
    """What of a block of YAML the program does not know: a recipe or a part of one, or a plan.

    Args:
        block: its text.
        folder: for a file of it.
    """
    # A block may show several alternatives of one key, one after another.
    found = yaml.safe_load(block)
    try:
        if "stages" in found:
            (folder / "plan.yaml").write_text(block, encoding="utf-8")
            for stage in read_plan(folder / "plan.yaml").stages:
                for command in stage.commands:
                    yield from mistakes(shlex.join(["penchant", *command]))
        elif "space" in found:
            plan_of({"recipe": {"model": "M", "data": "D"}, "evaluations": 8, "sampler": "random", **found}, "page")
        elif "design" in found:
            (folder / "study.yaml").write_text(block, encoding="utf-8")
            read_study(str(folder / "study.yaml"))
        elif "method" in found or "judge" in found:
            make_online_recipe({"method": "grpo", **_NEEDED, **found})
        else:
            recipe = make_recipe({**_NEEDED, "objective": "dpo", **found})
            if "path" not in recipe.objective:
                build(recipe.objective["name"], **recipe.hyper)
    except PenchantError as error:
        yield str(error)
