"""Parsing of recipe keys: dotted keys, YAML files, and error messages for wrong keys and values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError, nearest
from penchant.known_settings import full_keys
from penchant.named_code import with_places
from penchant.plain_files import readable_text
from penchant.python_path import beside
from penchant.training.coming_from.answers import answer_to, hint

__all__ = ["FORMER", "nested", "problem", "read_keys", "settings_by_objective"]

# What a command is told beside the keys of its recipe.
OPTIONS = ("resume", "overwrite", "dry_run")
# Names of earlier versions: they are not accepted, but the error gives the current name.
FORMER = {
    "anchor": "reference",
    "anchor_rate": "reference_rate, a key of an online run,",
    "medium": "modality",
    "lr": "learning_rate",
}

# Parts that a name alone may stand for: ``objective: dpo``.
NAMED = {"objective", "engine", "judge", "pairing", "schedule", "optimizer", "parameters"}


def nested(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Turn dotted keys (``objective.beta``) into nested mappings.

    Args:
        values: keys and values as given.
        where: name of the source in errors.

    Raises:
        ConfigurationError: a dotted key reaches into a plain value.

    Example:
        >>> nested({"objective": "ipo", "objective.beta": 0.3}, "recipe")
        {'objective': {'name': 'ipo', 'beta': 0.3}}
        >>> nested({"objective.beta": 0.3, "objective": "ipo"}, "recipe")
        {'objective': {'name': 'ipo', 'beta': 0.3}}
    """
    result: dict[str, Any] = {}
    # A part before the keys that reach into it, in whatever order they are given.
    for key, value in sorted(values.items(), key=lambda item: str(item[0]).count(".")):
        *path, last = str(key).split(".")
        part = result
        for name in path:
            inner = part.setdefault(name, {})
            # ``objective: dpo`` and ``lora: true`` are short forms, which dotted keys may extend.
            if isinstance(inner, str) and name in NAMED:
                inner = {"name": inner}
            elif inner is True or inner is None:
                inner = {}
            if not isinstance(inner, dict):
                raise ConfigurationError(
                    f"{key!r} sets a part of {name!r}, but {name!r} is {inner!r}, which has no parts.", where=where
                )
            part[name] = inner = dict(inner)
            part = inner
        part[last] = value
    return result


def problem(error: Mapping[str, Any], form: type[BaseModel], parts: Mapping[str, type[BaseModel]]) -> str:
    """A sentence for one of pydantic's errors.

    Args:
        error: as pydantic describes it.
        form: the recipe's class.
        parts: classes of the keys with nested keys.
    """
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        last = str(error["loc"][-1])
        known = parts.get(str(error["loc"][0]), form).model_fields
        return f"There is no key {path!r}. {_called_here(last, list(known), nested=len(error['loc']) > 1)}"
    if error["type"] == "missing":
        owner = form if len(error["loc"]) == 1 else parts[str(error["loc"][0])]
        return f"The key {path!r} is missing: {owner.model_fields[str(error['loc'][-1])].description}."
    found = error.get("input")
    message = error["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
    sentence = message if message.endswith((".", "?")) else f"{message}."
    if not path:
        return sentence
    wanted = sentence.removeprefix("Input ")
    return f"{path!r} is {found!r}{': ' if wanted == sentence else '; it '}{wanted}"


def _called_here(key: str, known: list[str], nested: bool) -> str:
    """What an unknown key is called here, or what it may have been meant to be."""
    if key in FORMER:
        return f"It is called {FORMER[key]} here."
    if not nested and key in OPTIONS:
        return f"It is an option of the command: --{key.replace('_', '-')}."
    written = [] if nested else full_keys(key, known)
    abroad = answer_to(key)
    if written and not (abroad and abroad.ours):
        asked = f"Did you mean {' or '.join(map(repr, written))}?"
        return f"{asked} {abroad.sentence}" if abroad else asked
    return (None if nested else hint(key, known)) or nearest(key, known)


def read_keys(path: Path, replaced: Collection[str] = ()) -> dict[str, Any]:
    """The unvalidated keys of a YAML file.

    Args:
        path: the file.
        replaced: keys that are given otherwise, so that the file's values do not count.

    Raises:
        ConfigurationError: there is no such file, it is not a YAML mapping, a key stands in it twice, or it names a
            function that a recipe may not name.
    """
    values = yaml_document(readable_text(path, ConfigurationError, "recipe"), str(path))
    if not isinstance(values, dict):
        raise ConfigurationError(
            "A recipe is a mapping of keys to values.", where=str(path), fix="See docs/training.md."
        )
    return {key: _found_beside(str(key), value, path, replaced) for key, value in values.items()}


def _found_beside(key: str, value: Any, recipe: Path, replaced: Collection[str]) -> Any:
    """A value of a recipe's file, with the full paths of the files beside the recipe that it names."""

    def checked(where: str, place: str) -> str:
        steps = [each.partition("[")[0] for each in where.split(".")]
        # A key with a dot is set after those above it, which therefore do not replace it.
        above = {".".join(steps[:length]) for length in range(key.count(".") + 1, len(steps) + 1)}
        return place if {f"{where}.path", *above} & set(replaced) else beside(place, recipe.parent, where)

    return with_places({key: value}, checked)[key]


def settings_by_objective(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Hyper-parameters by objective; ``dpo+nll.dpo.beta`` is ``dpo.beta`` of the sum ``dpo+nll``.

    Args:
        settings: values by ``objective.name``.
        names: the objectives.

    Raises:
        ConfigurationError: a setting matches no objective.

    Example:
        >>> settings_by_objective({"ipo.beta": 0.3}, ["dpo", "ipo"])
        {'dpo': {}, 'ipo': {'beta': 0.3}}
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in settings.items():
        owner = max((name for name in names if key.startswith(f"{name}.")), key=len, default=None)
        if owner is None:
            hint = nearest(key.partition(".")[0], names)
            raise ConfigurationError(
                f"{key!r} is not a setting of a compared objective. {hint}",
                where="--set",
                fix=f"Write OBJECTIVE.NAME=VALUE, for example {names[0]}.beta=0.1.",
            )
        found[owner][key.removeprefix(f"{owner}.")] = value
    return found
