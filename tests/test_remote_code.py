"""Code from a model's folder runs only where the caller allows it, and a recipe cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from penchant.cli.app import app, main
from penchant.errors import ModelError
from penchant.likelihood import load_model
from penchant.model_files import remote_code, remote_code_allowed
from penchant.rendering import load_tokenizer
from small_runs import model_folder, write_pairs

CODE = """
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM
Path({marker!r}).touch()


class OddConfig(LlamaConfig):
    model_type = "odd-model"


class OddForCausalLM(LlamaForCausalLM):
    config_class = OddConfig
"""


def folder_with_code(path: Path, marker: Path) -> Path:
    """A tiny model that loads only with the Python code in its folder; the code creates ``marker`` when it runs."""
    model_folder(path)
    (path / "odd.py").write_text(CODE.format(marker=str(marker)), encoding="utf-8")
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "odd-model", "architectures": ["OddForCausalLM"]}
    config["auto_map"] = {"AutoConfig": "odd.OddConfig", "AutoModelForCausalLM": "odd.OddForCausalLM"}
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return path


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Exists once the model's code has run."""
    return tmp_path / "ran"


@pytest.fixture
def odd(tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model with code; modules of transformers go to a folder of the test."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    return folder_with_code(tmp_path / "odd", marker)


@pytest.mark.parametrize("load", [load_model, load_tokenizer])
def test_code_is_refused_without_asking(odd: Path, marker: Path, load: object) -> None:
    with pytest.raises(ModelError, match=r"code from its own repository.*--trust-remote-code"):
        load(odd)  # type: ignore[operator]
    assert not marker.exists()


def test_allowed_code_runs_and_the_permission_ends(odd: Path, marker: Path) -> None:
    with remote_code():
        assert type(load_model(odd)).__name__ == "OddForCausalLM"
    assert marker.exists() and not remote_code_allowed()


def test_the_command_line_allows_it_and_a_recipe_does_not(
    odd: Path, marker: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_pairs(tmp_path / "pairs.jsonl")
    words = ["train", "--model", str(odd), "--data", str(data), "-o", str(tmp_path / "run"), "--dry-run"]
    assert main([*words, "trust_remote_code=true"]) == 1
    assert "never of a file" in " ".join(capsys.readouterr().err.split())
    assert main(words) == 1 and not marker.exists()
    assert main([*words, "--trust-remote-code"]) == 0 and marker.exists()
    assert not remote_code_allowed()


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its words."""
    if not hasattr(command, "list_commands"):
        yield " ".join(words), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*words, name))


def test_every_command_that_loads_a_model_can_be_allowed_its_code() -> None:
    """The error of such a model names the option, so each command that can meet one must have it."""
    naming = {"model", "models", "judge", "judges", "runs", "words", "tuned", "base"}
    without = []
    for words, command in commands(typer.main.get_command(app)):
        # A pipeline trusts nothing (its stages are commands of their own); a report reads what runs have written.
        if words in {"pipeline", "report"}:
            continue
        named = {each.name for each in command.params}
        options = {word for each in command.params for word in each.opts}
        if named & naming and "--trust-remote-code" not in options:
            without.append(words)
    assert not without
