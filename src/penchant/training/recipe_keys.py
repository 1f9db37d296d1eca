"""The keys of a recipe as they are written: dotted keys, and sentences for what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from penchant.errors import ConfigurationError, nearest

__all__ = ["FORMER", "nested", "problem", "read_keys"]

# Names of other libraries and of earlier versions for the same thing: the error explains them, none is accepted.
FORMER = {
    "per_device_train_batch_size": "batch_size (prompts per step over all processes)",
    "gradient_accumulation_steps": "accumulate",
    "num_train_epochs": "epochs",
    "max_prompt_length": "max_length with truncation",
    "loss_type": "objective",
    "processing_class": "tokenizer, an argument of penchant.train and not of a recipe,",
    "lr": "learning_rate",
    "beta": "objective.beta (or --set beta=... on the command line)",
    "ref_model": "reference",
    "anchor": "reference",
    "anchor_rate": "reference_rate, a key of an online run,",
    "medium": "modality",
    "precompute_ref_log_probs": "reference=cached",
    "output_dir": "output",
    "label_smoothing": "objective.label_smoothing",
}

# Parts whose name alone may stand for them: ``objective: dpo``.
NAMED = {"objective", "engine", "judge", "pairing"}


def nested(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Keys and values with dotted keys (``objective.beta``) made parts of parts.

    Args:
        values: as they were given.
        where: what to call the source in errors.

    Raises:
        ConfigurationError: a dotted key reaches into something that has no parts.

    Example:
        >>> nested({"objective": "ipo", "objective.beta": 0.3}, "recipe")
        {'objective': {'name': 'ipo', 'beta': 0.3}}
    """
    result: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = str(key).split(".")
        part = result
        for name in path:
            inner = part.setdefault(name, {})
            # ``objective: dpo`` and ``lora: true`` are short forms that a dotted key may still reach into.
            if isinstance(inner, str) and name in NAMED:
                inner = {"name": inner}
            elif inner is True or inner is None:
                inner = {}
            if not isinstance(inner, dict):
                raise ConfigurationError(
                    f"{key!r} reaches into {name!r}, which is {inner!r} and has no parts.", where=where
                )
            part[name] = inner = dict(inner)
            part = inner
        part[last] = value
    return result


def problem(error: Mapping[str, Any], form: type[BaseModel], parts: Mapping[str, type[BaseModel]]) -> str:
    """One of pydantic's errors as a sentence.

    Args:
        error: as pydantic describes it.
        form: the recipe's class.
        parts: classes of the keys that have keys of their own.
    """
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        last = str(error["loc"][-1])
        known = parts.get(str(error["loc"][0]), form).model_fields
        hint = f"It is called {FORMER[last]} here." if last in FORMER else nearest(last, known)
        return f"There is no key {path!r}. {hint}"
    if error["type"] == "missing":
        return f"The key {path!r} is missing: {form.model_fields[path].description}."
    found = error.get("input")
    subject = f"{path!r} is {found!r}: " if path else ""
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{subject}{message}" if message.endswith("?") else f"{subject}{message}."


def read_keys(path: Path) -> dict[str, Any]:
    """The keys of a YAML file, not yet validated.

    Raises:
        ConfigurationError: no such file, not YAML, or no mapping.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"The recipe cannot be read ({error.strerror}).", where=str(path)) from error
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"This is not YAML: {' '.join(str(error).split())}", where=str(path)) from error
    if not isinstance(values, dict):
        raise ConfigurationError(
            "A recipe is a mapping of keys to values.", where=str(path), fix="See docs/training.md."
        )
    return values
