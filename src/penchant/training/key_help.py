"""`grouped_keys`: the recipe's keys with their meaning and default, by group, for help texts and documentation."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from penchant.training.recipe import GROUPS, PARTS, Recipe

__all__ = ["KeyHelp", "grouped_keys", "help_text"]


@dataclass(frozen=True)
class KeyHelp:
    """One key of a recipe.

    Args:
        name: with the name of its part in front, ``lora.rank``.
        default: as text; ``required`` if there is none, empty if the meaning says what is taken.
        meaning: its description.
    """

    name: str
    default: str
    meaning: str


def grouped_keys(form: type[Recipe] = Recipe) -> list[tuple[str, list[KeyHelp]]]:
    """The keys of a recipe by group, each group with its title; the keys of a part follow the part.

    Args:
        form: `Recipe`, or a subclass, whose own keys come first.

    Example:
        >>> groups = dict(grouped_keys())
        >>> [key.name for key in groups["Model, reference, adapter and number types"]][0]
        'model'
        >>> next(key for keys in groups.values() for key in keys if key.name == "batch_size").default
        '8'
    """
    own = [] if form is Recipe else [(_title(form), list(_keys(form, form, ())))]
    taken = set() if form is Recipe else set(form.__annotations__)
    return [*own, *((_title(group), list(_keys(group, form, taken))) for group in GROUPS)]


def _title(group: type[BaseModel]) -> str:
    return (group.__doc__ or group.__name__).strip().splitlines()[0].rstrip(".")


def _keys(group: type[BaseModel], form: type[BaseModel], taken: Collection[str]) -> Iterator[KeyHelp]:
    """The keys that a group declares itself, as the form has them; without those that the form declares anew."""
    for name in group.__annotations__:
        if name in taken or name not in form.model_fields:
            continue
        field = form.model_fields[name]
        yield KeyHelp(name, _default(field), field.description or "")
        for inner, each in PARTS[name].model_fields.items() if name in PARTS else ():
            yield KeyHelp(f"{name}.{inner}", _default(each), each.description or "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    return "" if value is None else str(value)


def help_text(form: type[Recipe] = Recipe) -> str:
    """All keys as plain text, for the help of a command.

    Args:
        form: as for `grouped_keys`.

    Example:
        >>> [line for line in help_text().splitlines() if "batch_size" in line][0].split()[:2]
        ['batch_size', '(8)']
    """
    lines: list[str] = []
    for title, keys in grouped_keys(form):
        lines += [f"{title}:", ""]
        for key in keys:
            default = f" ({key.default})" if key.default else ""
            lines += [f"  {key.name}{default}", f"      {key.meaning}"]
        lines.append("")
    return "\n".join(lines).rstrip()
