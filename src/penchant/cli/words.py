"""Parsing of command-line words: a recipe's path, recipe keys, and name=value pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.documents import NotYamlError, yaml_document
from penchant.errors import ConfigurationError
from penchant.plain_files import stands

if TYPE_CHECKING:
    from penchant.training.recipe import Recipe

__all__ = ["data_of", "first_lines", "pairs", "parse_mapping", "read_words", "split_words"]

_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}


def split_words(words: list[str]) -> tuple[Path | None, dict[str, Any]]:
    """The path of the recipe, if given, and the keys."""
    paths = [word for word in words if "=" not in word]
    if len(paths) > 1:
        raise ConfigurationError(
            f"Two recipes are named: {paths[0]!r} and {paths[1]!r}.", fix="Give one recipe; write keys as key=value."
        )
    return (Path(paths[0]) if paths else None), pairs([word for word in words if "=" in word], "key=value")


def read_words(words: list[str] | None, options: Mapping[str, Any]) -> Recipe:
    """The recipe of a command: the file it names, with keys overridden.

    Args:
        words: a recipe's path, and ``key=value``.
        options: further keys; None leaves a key to the recipe.

    Raises:
        ConfigurationError: the words are malformed, or the recipe is.
    """
    from penchant.training.recipe import make_recipe, read_recipe

    path, keys = split_words(words or [])
    keys |= {key: value for key, value in options.items() if value is not None}
    return make_recipe(keys, "command line") if path is None else read_recipe(path, keys)


def pairs(words: list[str], form: str) -> dict[str, Any]:
    """Words of the form name=value as a mapping; values are parsed as YAML (numbers, true, lists)."""
    result = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise ConfigurationError(f"{word!r} is not of the form name=value.", where=form)
        if name.startswith("mapping."):
            # Braces are those of a template here, not of YAML.
            result[name] = _unescaped(value)
            continue
        try:
            result[name] = yaml_document(value, name)
        except NotYamlError:
            result[name] = value
    return result


def _unescaped(text: str) -> str:
    r"""A text with ``\n``, ``\t`` and ``\\`` replaced, which a shell passes on as written."""
    return re.sub(r"\\[nt\\]", lambda found: _ESCAPES[found[0]], text)


def parse_mapping(words: list[str] | None) -> dict[str, str]:
    r"""The words of ``--map``: for each field, what it is read from; ``\n`` and ``\t`` stand for newline and tab.

    Raises:
        ConfigurationError: for a word without ``=``, or a field mapped twice.

    Example:
        >>> parse_mapping(["chosen=better", r"prompt={question}\n\n{context}"])
        {'chosen': 'better', 'prompt': '{question}\n\n{context}'}
    """
    mapping: dict[str, str] = {}
    for word in words or []:
        ours, sign, theirs = word.partition("=")
        if not (ours and sign and theirs):
            raise ConfigurationError(
                f"--map {word} is not of the form FIELD=COLUMN.", fix="For example: --map chosen=better."
            )
        if ours in mapping:
            raise ConfigurationError(f"--map gives the field {ours!r} twice.", fix="Give each field once.")
        mapping[ours] = _unescaped(theirs)
    return mapping


def data_of(words: list[str], option: str) -> str | list[str] | dict[str, str] | None:
    """The data given by an option: one path, several paths, or named sources as NAME=PATH.

    Args:
        words: as given.
        option: its name, for messages.

    Raises:
        ConfigurationError: some paths have names and others have none, or a name is repeated.

    Example:
        >>> data_of(["forget=a.jsonl", "retain=b.jsonl"], "--data"), data_of(["a.jsonl"], "--data")
        ({'forget': 'a.jsonl', 'retain': 'b.jsonl'}, 'a.jsonl')
    """
    named = [word.partition("=") for word in words]
    if len(words) <= 1 and (not words or not named[0][0].isidentifier() or not named[0][2] or stands(words[0])):
        return words[0] if words else None
    if all(not sign or stands(word) for word, (_, sign, _) in zip(words, named, strict=True)):
        return list(words)
    sources: dict[str, str] = {}
    for name, sign, path in named:
        if not (sign and path and name.isidentifier()) or name in sources:
            found = f"names {name!r} twice" if name in sources else f"{name}{sign}{path} has no name"
            raise ConfigurationError(
                f"{option} {found}; several sources are written NAME=PATH, each once.",
                where=option,
                fix=f"Write {option} forget=a.jsonl {option} retain=b.jsonl; a mixture stands in a recipe: "
                "data: [{path: a.jsonl, weight: 0.7}, ...].",
            )
        sources[name] = path
    return sources


def first_lines(recipe: Recipe) -> list[str]:
    """What a command prints before it loads PyTorch, which takes seconds: the run, and what code it imports.

    Raises:
        ConfigurationError: the recipe names a function that it may not name.
    """
    from penchant.python_path import GROUPS, find, paths_of
    from penchant.training.recipe import data_paths

    data = ", ".join(data_paths(recipe.data))
    lines = [f"{recipe.model} with {recipe.objective['name']} on {data}, to {recipe.output}"]
    for where in GROUPS:
        lines += [f"Imports {find(path, where)}, as {where}" for path in paths_of(getattr(recipe, where, None))]
    return lines
