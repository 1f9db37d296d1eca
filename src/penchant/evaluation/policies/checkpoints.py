"""Where the model of a run lies, and what it started from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from penchant.errors import ConfigurationError, ModelError
from penchant.likelihood.reward_folder import check_answers
from penchant.model_folders import absent

__all__ = ["Checkpoint", "all_checkpoints", "find_checkpoint", "find_reference"]

#: Keys of a recipe that say how prompts become tokens; the chat template is saved with the tokenizer.
RENDERING = ("as_chat", "end_token", "template_arguments")


@dataclass(frozen=True)
class Checkpoint:
    """A model to evaluate.

    Args:
        name: as given.
        model: its folder or hub id.
        start: the model that its run started from; None where no recipe says it.
        tokenizer: folder of its tokenizer, where it is another one.
        rendering: ``as_chat``, ``end_token`` and ``template_arguments`` of its run: it reads prompts as in training.
    """

    name: str
    model: str
    start: str | None
    tokenizer: str | None = None
    rendering: dict[str, Any] = field(default_factory=dict)


def find_checkpoint(given: str) -> Checkpoint:
    """The model of a run folder, of a checkpoint in it, or of a model folder or hub id.

    Args:
        given: folder or hub id.

    Raises:
        ModelError: the folder holds neither a model nor a run, or a reward model.
    """
    folder = Path(given)
    check_answers(folder)
    if not folder.is_dir():
        return Checkpoint(given, given, None)
    for place in (folder, folder / "model"):
        if any((place / name).is_file() for name in ("config.json", "adapter_config.json")):
            recipe = _recipe(folder)
            start = str(recipe["model"]) if recipe.get("model") else None
            rendering = {key: recipe[key] for key in RENDERING if recipe.get(key)}
            return Checkpoint(given, str(place), start, _tokenizer(place), rendering)
    raise ModelError(
        "The folder holds no model: neither config.json nor model/config.json.",
        where=given,
        fix="Give a run folder, a checkpoint with weights, a model folder, or a hub id.",
    )


def all_checkpoints(given: str) -> list[Checkpoint]:
    """The checkpoints of a run by step, and its final model; of anything else, the model alone.

    Args:
        given: folder or hub id.

    Raises:
        ModelError: the folder holds neither a model nor a run.
    """
    found = [each for each in (Path(given) / "checkpoints").glob("checkpoint-*") if (each / "config.json").is_file()]
    numbered = sorted(found, key=lambda each: int(each.name.rpartition("-")[2]) if each.name[11:].isdigit() else -1)
    return [*(find_checkpoint(str(each)) for each in numbered), find_checkpoint(given)]


def find_reference(given: str | None, checkpoints: list[Checkpoint]) -> str:
    """The reference that responses are compared with: the given one, or the model that the runs started from.

    Args:
        given: folder or hub id; None for the start of the runs.
        checkpoints: the models to evaluate.

    Raises:
        ConfigurationError: no run says what it started from, or the runs started from different models.
    """
    if given is not None:
        return find_checkpoint(given).model
    starts = {each.start for each in checkpoints}
    if None in starts:
        name = next(each.name for each in checkpoints if each.start is None)
        missing = absent(name)
        raise ConfigurationError(
            "There is no reference to compare with: no recipe.yaml says which model this checkpoint started from."
            + missing,
            where=name,
            fix=("Check the path, or name" if missing else "Name") + " the reference with --reference MODEL.",
        )
    if len(starts) > 1:
        raise ConfigurationError(
            f"The runs started from different models: {', '.join(sorted(map(str, starts)))}.",
            fix="Name one reference with --reference MODEL.",
        )
    return str(starts.pop())


def _tokenizer(folder: Path) -> str | None:
    """Where the tokenizer of a checkpoint is that has none: the run's model, which shares it."""
    if (folder / "tokenizer_config.json").is_file():
        return None
    model = folder.parent.parent / "model"
    return str(model) if folder.parent.name == "checkpoints" and model.is_dir() else None


def _recipe(folder: Path) -> dict[str, Any]:
    """The recipe of the run that a folder belongs to; empty where there is none that can be read."""
    for place in (folder, *folder.parents[:2]):
        recipe = place / "recipe.yaml"
        if recipe.is_file():
            try:
                read = yaml.safe_load(recipe.read_text(encoding="utf-8"))
            except (OSError, ValueError, yaml.YAMLError):
                return {}
            return read if isinstance(read, dict) else {}
    return {}
