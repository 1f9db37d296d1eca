"""`Translation`: what is taken from a file of another library, what it becomes, and what is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from penchant.errors import ConfigurationError
from penchant.training.coming_from.answers import Answer, answers_of
from penchant.training.recipe import Recipe, make_recipe

__all__ = ["Translation", "finite", "number", "whole_number", "words"]

#: Switches whose ``false`` says something; for all others it means that the feature is off.
ON_BY_DEFAULT = {"disable_dropout", "shuffle_dataset", "shuffle_merged_datasets"}


class Translation:
    """Collects a recipe from the keys of a file.

    Args:
        given: the file's keys and values.
        tables: the names of the tables of answers for its keys.
        library: the library's name.
        processes: number of processes that the file was written for.

    Attributes:
        form: the recipe that is written; one of an online run has keys of its own.
        recipe: the recipe's keys so far.
        notes: sentences about values that change with the translation.
    """

    def __init__(self, given: Mapping[str, Any], tables: tuple[str, ...], library: str, processes: int) -> None:
        # `key:` without a value stands in many files for "not set".
        self.given = {str(key): value for key, value in given.items() if value not in (None, "", [], {})}
        self.answers: dict[str, Answer] = {}
        for table in reversed(tables):
            self.answers |= answers_of(table)
        self.library, self.processes = library, processes
        self.form: type[Recipe] = Recipe
        self.recipe: dict[str, Any] = {}
        self.notes: list[str] = []
        self._used: set[str] = set()
        self._defaults: dict[str, Any] = {}

    def has(self, key: str) -> bool:
        """Whether the file sets a key."""
        return key in self.given

    def take(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is thereby translated; the default if the file does not set it."""
        self._used.add(key)
        return self.given.get(key, default)

    def skip(self, *keys: str) -> None:
        """Keys that need no translation and no remark."""
        self._used.update(keys)

    def put(self, ours: str, value: Any) -> bool:
        """Set a key of the recipe, if recipes have it; None sets nothing.

        Returns:
            Whether it is set.
        """
        if value is None or ours not in self.form.model_fields:
            return False
        self.recipe[ours] = value
        return True

    def move(self, key: str, ours: str, default: Any = None) -> None:
        """Give the value of a key to a key of the recipe.

        Args:
            key: the library's key.
            ours: the recipe's key.
            default: the library's default, which is written out if the file does not set the key; None for none.
        """
        if key in self.given:
            if self.put(ours, number(self.given[key])):
                self._used.add(key)
        elif default is not None and ours in self.form.model_fields and self._differs(ours, default):
            self.put(ours, default)
            self._defaults[ours] = default

    def _differs(self, ours: str, default: Any) -> bool:
        """Whether a library's default is another one than that of a key of the recipe."""
        return bool(default != self.form.model_fields[ours].default)

    def answer(self, *keys: str, why: str) -> None:
        """Give keys another reason for having no counterpart than their table does."""
        self.answers |= {key: Answer(self.library, key, (), why) for key in keys}

    def read_also(self, table: str) -> None:
        """Answer keys by a further table where none of those before knows them."""
        self.answers = answers_of(table) | self.answers

    def reopen(self, *keys: str) -> None:
        """Take back that keys are translated: what is left of them is said."""
        self._used.difference_update(keys)

    def forget(self, ours: str) -> None:
        """Take back that a key is set to a default."""
        self._defaults.pop(ours, None)

    def join(self, ours: str, paths: list[str]) -> None:
        """Set a key to one or several places of data that are read one after the other.

        Args:
            ours: ``data`` or ``eval_data``.
            paths: the places.
        """
        if len(paths) < 2:
            self.put(ours, paths[0] if paths else None)
            return
        try:
            make_recipe({"model": "m", "data": paths})
        except ConfigurationError:
            self.put(ours, [{"path": path, "weight": 1.0} for path in paths])
            self.note(f"The data sets are joined in {self.library}; here weights say each one's share of an epoch.")
        else:
            self.put(ours, paths)

    def note(self, text: str) -> None:
        """Add a remark."""
        self.notes.append(text)

    def default(self, ours: str, value: Any) -> None:
        """Set a key to the library's default, and say so."""
        if self.put(ours, value):
            self._defaults[ours] = value

    def finish(self) -> list[str]:
        """All remarks: changed values, defaults that are written out, and what is left."""
        remarks = list(self.notes)
        if self._defaults:
            written = ", ".join(f"{key}={value}" for key, value in self._defaults.items())
            remarks.append(f"Written out, because the defaults differ: {written} ({self.library}'s defaults).")
        return [*remarks, *self._left()]

    def _left(self) -> list[str]:
        """A line for each reason, with all keys that are left for it."""
        reasons: dict[str, list[str]] = {}
        for key, value in self.given.items():
            if key in self._used or (value is False and key not in ON_BY_DEFAULT):
                continue
            reasons.setdefault(self._reason(key), []).append(key)
        return [f"Not translated: {', '.join(keys)}: {reason}" for reason, keys in reasons.items()]

    def _reason(self, key: str) -> str:
        answer = self.answers.get(key)
        if answer is None:
            return f"{self.library} has no such key that is known here."
        ours = f"here it is {' with '.join(f'`{each}`' for each in answer.ours)}" if answer.ours else ""
        return f"{'; '.join(part for part in (ours, answer.note) if part)}."


def number(value: Any) -> Any:
    """A number that YAML reads as text (``5e-7``).

    Example:
        >>> number("5e-7"), number("cosine"), number(3)
        (5e-07, 'cosine', 3)
    """
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def whole_number(value: Any, key: str) -> int:
    """The whole number that a key of another library has.

    Args:
        value: as given, possibly as text.
        key: the key, for the error.

    Raises:
        ConfigurationError: it is none.

    Example:
        >>> whole_number("8", "max_steps")
        8
    """
    return int(finite(value, key))


def finite(value: Any, key: str) -> float:
    """The finite number that a key of another library has.

    Args:
        value: as given, possibly as text.
        key: the key, for the error.

    Raises:
        ConfigurationError: it is none.

    Example:
        >>> finite("0.5", "eval_steps")
        0.5
    """
    found = number(value)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ConfigurationError(f"{key!r} is {str(value)[:80]!r}, expected a number.", where=key)
    return found


def words(value: Any) -> list[str]:
    """A list, or text with commas, as a list of words; another value is a word by itself.

    Example:
        >>> words("q_proj, v_proj"), words(["a"]), words(None), words(0.5)
        (['q_proj', 'v_proj'], ['a'], [], ['0.5'])
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
