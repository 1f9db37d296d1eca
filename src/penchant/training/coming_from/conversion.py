"""`convert_file`: a YAML file of TRL, LLaMA-Factory or axolotl as a recipe, with remarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError
from penchant.targets import claim_file
from penchant.training.coming_from.answers import LIBRARIES, answers_of
from penchant.training.coming_from.from_axolotl import from_axolotl
from penchant.training.coming_from.from_llama_factory import from_llama_factory
from penchant.training.coming_from.from_trl import from_trl
from penchant.training.coming_from.translation import Translation
from penchant.training.recipe import GROUPS, Recipe, make_recipe
from penchant.training.recipe_keys import read_keys
from penchant.writing import write_text

__all__ = ["Converted", "convert", "convert_file", "library_of", "opened", "translated", "write_recipe"]

#: Keys that one library alone has.
MARKS = {
    "axolotl": ("base_model",),
    "llama_factory": ("stage", "finetuning_type", "cutoff_len", "dataset_dir", "pref_beta", "template"),
    "trl": ("model_name_or_path", "dataset_name", "loss_type"),
}
TABLES = {"trl": ("trl", "transformers"), "llama_factory": ("llama_factory", "transformers"), "axolotl": ("axolotl",)}


@dataclass(frozen=True)
class Converted:
    """A converted file.

    Args:
        source: the file.
        library: the library it was written for.
        recipe: the recipe's keys.
        remarks: what changes with the translation and what has no counterpart, as sentences.
        command: the command that runs the recipe.
    """

    source: Path
    library: str
    recipe: dict[str, Any]
    remarks: tuple[str, ...]
    command: str = "penchant train"

    @property
    def yaml(self) -> str:
        """The recipe as YAML."""
        import yaml

        text: str = yaml.safe_dump(self.recipe, sort_keys=False, allow_unicode=True, default_flow_style=None)
        return text


def convert_file(path: Path, processes: int = 1, trainer: str | None = None) -> Converted:
    """Convert a file that trains on given data; `penchant.online.coming_from` converts those of online training too.

    Args:
        path: a YAML file of TRL, LLaMA-Factory or axolotl.
        processes: number of processes that it was written for; the batch size is multiplied by it.
        trainer: for TRL, the trainer that reads the file: ``dpo``, ``kto``, ``cpo``, ``orpo``, ``sft`` or ``reward``;
            None to tell from the file.

    Returns:
        The recipe, which `make_recipe` accepts once model and data are named, and the remarks.

    Raises:
        ConfigurationError: the file cannot be read, belongs to no such library, or its method has no counterpart.
    """
    found, table = opened(path, processes)
    return convert(found, table, path, trainer)


def opened(path: Path, processes: int) -> tuple[Translation, str]:
    """A file before its translation, and the library that it was written for: a key of `LIBRARIES`.

    Args:
        path: the file.
        processes: number of processes that it was written for.

    Raises:
        ConfigurationError: it cannot be read, or belongs to none of these libraries.
    """
    given = read_keys(path)
    table = library_of(given)
    if table is None:
        raise ConfigurationError(
            "This is no configuration of TRL, LLaMA-Factory or axolotl: none of their keys is in it.",
            where=str(path),
            fix="Expected model_name_or_path (TRL, LLaMA-Factory) or base_model (axolotl).",
        )
    return Translation(given, TABLES[table], LIBRARIES[table], processes), table


def convert(found: Translation, table: str, path: Path, trainer: str | None) -> Converted:
    """Translate a file that trains on given data; see `convert_file`."""

    def translate() -> None:
        if table == "trl":
            from_trl(found, path, trainer)
        elif table == "llama_factory":
            from_llama_factory(found, path)
        else:
            from_axolotl(found)

    return translated(found, path, translate, make_recipe)


def translated(
    found: Translation,
    path: Path,
    translate: Callable[[], None],
    make: Callable[[Mapping[str, Any], str], Any],
    command: str = "penchant train",
) -> Converted:
    """The converted file, whose recipe is valid.

    Args:
        found: its translation, which ``translate`` fills.
        path: the file, for errors.
        translate: translates its keys.
        make: makes the recipe.
        command: runs the recipe.

    Raises:
        ConfigurationError: a key has no counterpart without which the run would be another one.
    """
    try:
        translate()
    except ConfigurationError as error:
        place = f"{path}, {error.where}" if error.where else str(path)
        raise ConfigurationError(error.what, where=place, why=error.why, fix=error.fix) from None
    remarks = found.finish()
    missing = [key for key in ("model", "data") if found.recipe.get(key) is None]
    remarks += [f"The file names no {key}: add `{key}` to the recipe." for key in missing]
    recipe = {key: value for key, value in _ordered(found).items() if value is not None}
    make({**dict.fromkeys(missing, "missing"), **recipe}, str(path))
    return Converted(path, found.library, recipe, tuple(remarks), command)


def library_of(given: Mapping[str, Any]) -> str | None:
    """The library whose file has these keys: a key of `LIBRARIES`; None if it is none of them.

    Example:
        >>> library_of({"base_model": "m", "rl": "dpo"}), library_of({"model_name_or_path": "m", "stage": "dpo"})
        ('axolotl', 'llama_factory')
        >>> library_of({"model": "m", "data": "d"})
    """
    for table, marks in MARKS.items():
        if any(mark in given for mark in marks):
            return table
    own = sum(key in answers_of("transformers") and key not in Recipe.model_fields for key in given)
    return "trl" if own >= 2 else None


def _ordered(found: Translation) -> dict[str, Any]:
    """The keys in the order of the documentation; those of an online run in that of its recipe."""
    order = ["method", "model", "data", "objective"]
    order += [name for group in GROUPS for name in group.model_fields if name not in order]
    if found.form is not Recipe:
        order = [*order[:4], *found.form.__annotations__, *order[4:]]
    return {name: found.recipe[name] for name in dict.fromkeys(order) if name in found.recipe}


def write_recipe(converted: Converted, path: Path, *, overwrite: bool = False) -> None:
    """Write the recipe, with the remarks as comments on top.

    Args:
        converted: the converted file.
        path: where to write; the folder is made.
        overwrite: an existing file may be replaced.

    Raises:
        OutputError: the file exists, or cannot be written.
    """
    claim_file(path, option="--out", overwrite=overwrite, inputs=[converted.source])
    lines = [f"# From {converted.source.name} ({converted.library}), by penchant convert."]
    lines += [f"# {remark}" for remark in converted.remarks]
    write_text(path, "\n".join([*lines, "", converted.yaml]), "The recipe")
