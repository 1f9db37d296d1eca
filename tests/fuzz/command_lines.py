"""Command lines of everything that reads, with options found on the commands themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from .files import data_file, odd_place
from .recipes import key_words, recipe_file
from .values import word

__all__ = ["COMMANDS", "command_line"]

_NEVER = {"--help", "--trust-remote-code", "--overwrite", "--resume", "--record", "--dry-run"}
_OPTION_VALUES = {
    "on_bad": ("stop", "skip", "skip", "skip", "florp"), "train_on": ("last", "assistant", "florp"),
    "kind": ("comparison", "judgement", "ranking", "demonstration", "prompt", "joint comparison", "florp"),
    "policy": ("prompt_left", "response_right", "drop", "error", "florp"), "truncation": ("prompt_left", "drop",
    "florp"),
    "max_length": ("16", "128", "1", "0", "-1", "99999999999999999999", "x"), "chat_template": ("plain", "chatml",
    "{{ messages }}", "florp"),
    "split": ("train", "test", ""), "rule": ("number", "exact", "contains", "florp"), "end_token": ("</s>", "florp",
    "red"),
    "map_": ("prompt=instruction", "chosen=a.b.c", "prompt={prompt}{", "chosen={x}", "split=prompt", "=", "x",
    "prompt={chosen[0]}", "weight=prompt"),
    "template_arguments": ("x=1", "tools=[]", "x", "x={", "tokenize=true"), "seed": ("0", "3", "-1",
    "99999999999999999999", "x"),
    "number": ("1", "3", "99999999999999999999"), "start": ("1", "2", "99999999999999999999"), "beta": ("0.1", "nan",
    "inf", "-1", "1e999", "x"),
    "per_prompt": ("1", "2", "99999999999999999999"), "processes": ("1", "2", "99999999999999999999"),
    "trainer": ("dpo", "kto", "florp"),
    "set_": ("beta=0.1", "beta=x", "beta=nan", "beta=[1]", "x=1", "beta"), "objective": ("dpo", "ipo", "dpo+",
    "florp", "kto", "nll*2"),
    "method": ("grpo", "spin", "sppo", "florp"), "judge": ("verifier", "none", "function", "florp"), "gamma": ("1",
    "nan"), "form": ("mean", "x"),
    "tokens_per_batch": ("64", "0", "99999999999999999999"),
}  # fmt: skip

Made = tuple[list[str], set[str]]
Maker = Callable[[Path, Path, Random], Made]


def _data(folder: Path, random: Random, name: str = "a") -> str:
    return odd_place(folder, ".jsonl", random) if random.random() < 0.04 else str(data_file(folder, name, random))


def _check(folder: Path, model: Path, random: Random) -> Made:
    more = [["--model", str(model)], ["--other", _data(folder, random, "b")]]
    return [
        "data",
        "check",
        _data(folder, random),
        *(word for each in more if random.random() < 0.4 for word in each),
    ], {"model", "other"}


def _show(folder: Path, model: Path, random: Random) -> Made:
    return ["data", "show", _data(folder, random), "--model", str(model)], {"model"}


def _build(folder: Path, model: Path, random: Random) -> Made:
    from penchant.curation.registry import BUILDERS

    name = random.choice([each for each in BUILDERS.names() if each not in ("rejection-sampling",)])
    return ["data", "build", name, _data(folder, random), "-o", str(folder / "built.jsonl")], {
        "output",
        "model",
        "reference",
    }


def _verify(folder: Path, model: Path, random: Random) -> Made:
    return ["data", "verify", _data(folder, random), "-o", str(folder / "verified.jsonl")], {"out"}


def _score(folder: Path, model: Path, random: Random) -> Made:
    return ["score", "--data", _data(folder, random), "--model", str(model)], {
        "model",
        "data",
        "reference",
        "base",
        "out",
    }


def _diagnose(folder: Path, model: Path, random: Random) -> Made:
    words = ["diagnose", "--data", _data(folder, random), "--model", str(model), "--reference", str(model)]
    return words, {"model", "data", "reference", "reward_model", "unseen", "shifted", "json_out"}


def _recipe(name: str) -> Maker:
    def make(folder: Path, model: Path, random: Random) -> Made:
        data, dry = _data(folder, random), [] if name == "plan" else ["--dry-run"]
        if random.random() < 0.5:
            place = str(recipe_file(folder, model, data, random))
            if random.random() < 0.05:
                place = odd_place(folder, ".yaml", random)
            return [name, place, *key_words(random), *dry], {"model", "data", "out", "eval_data", "json_file"}
        given = [f"model={model}", f"data={data}", "output=out"]
        if random.random() < 0.2:
            given.append(f"eval_data={_data(folder, random, 'b')}")
        if name == "online":
            given.insert(
                0, random.choice(("grpo", "iterative-dpo", "rejection-sampling", "spin", "sppo", "method=grpo"))
            )
        return [name, *given, *key_words(random), *dry], {"model", "data", "out", "eval_data", "json_file"}

    return make


def _convert(folder: Path, model: Path, random: Random) -> Made:
    path = recipe_file(folder, model, "a.jsonl", random)
    if random.random() < 0.5:
        foreign = ("per_device_train_batch_size: 2", "stage: dpo", "pref_beta: 0.1", "rl: dpo",
        "datasets:\n  - path: x", "loss_type: [a]",
                   "base_model: m", "dataset: x", "template: llama3", "model_name_or_path: 7", "lora_target: [1]",
                   "beta: x", "bf16: {}")  # fmt: skip
        lines = random.sample(foreign, random.randrange(1, 6))
        path.write_text(
            "\n".join([*lines, *(each.replace("=", ": ", 1) for each in key_words(random))]), "utf-8", "replace"
        )
    return ["convert", str(path)], {"out", "file"}


def _facts(folder: Path, model: Path, random: Random) -> Made:
    names = (
        "dpo",
        "florp",
        "",
        "dpo+0.2*nll",
        "((",
        "kto",
        "objectives",
        "judges",
        "worlds",
        "\udcff",
        "[/red]",
        "a" * 300,
    )
    start = random.choice(
        (["methods"], ["methods", "show"], ["list"], ["show"], ["show", "judges"], ["methods", "logic"])
    )
    return [*start, *random.sample(names, random.randrange(2))], {"derive"}


def _report(folder: Path, model: Path, random: Random) -> Made:
    run = folder / "run"
    run.mkdir()
    for name in ("recipe.yaml", "summary.json", "metrics.jsonl", "doctor.json", "samples.jsonl"):
        if random.random() < 0.6:
            source = (
                data_file(folder, "part", random) if random.random() < 0.5 else recipe_file(folder, model, "a", random)
            )
            (run / name).write_bytes(source.read_bytes())
    return ["report", str(run)], {"output"}


#: The commands by name; each writes its input into a folder, gives the words, and says which options are not drawn.
COMMANDS: dict[str, Maker] = {
    "data check": _check, "data show": _show, "data build": _build, "data verify": _verify, "score": _score,
    "diagnose": _diagnose,
    "train --dry-run": _recipe("train"), "plan": _recipe("plan"), "online --dry-run": _recipe("online"),
    "convert": _convert,
    "methods": _facts, "report": _report,
}  # fmt: skip


@cache
def _options(words: tuple[str, ...]) -> tuple[Any, ...]:
    """The options of the command that the words begin with."""
    import typer

    from penchant.cli.app import app

    command: Any = typer.main.get_command(app)
    for each in words:
        inner = command.get_command(None, each) if hasattr(command, "get_command") else None
        if inner is None:
            break
        command = inner
    return tuple(each for each in command.params if each.param_type_name == "option")


def _more(words: list[str], apart: set[str], random: Random) -> list[str]:
    """Options of the command with values that may be wrong."""
    depth = 3 if words[:2] == ["data", "build"] else 2
    found: list[str] = []
    for option in _options(tuple(words[:depth]))[:40]:
        if option.name in apart or set(option.opts) & _NEVER or random.random() > 0.06:
            continue
        value = random.choice(
            _OPTION_VALUES.get(option.name, ("1", "0", "-1", "x", "0.5", "nan", "99999999999999999999"))
        )
        found += (
            [option.opts[0]] if option.is_flag else [option.opts[0], value if random.random() < 0.9 else word(random)]
        )
    return found


def command_line(folder: Path, model: Path, random: Random, command: str | None = None) -> list[str]:
    """Write the input of a command into a folder, and give its words.

    Args:
        folder: an empty folder, which is the current one when the command runs.
        model: folder of a small model.
        random: where every choice comes from.
        command: its name in `COMMANDS`; default: one at random.
    """
    words, apart = COMMANDS[command or random.choice(list(COMMANDS))](folder, model, random)
    return words + _more(words, apart, random)
