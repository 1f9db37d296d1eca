"""Settings declared as annotated class fields: reading the declarations and validating values."""

from __future__ import annotations

import inspect
import keyword
import re
import sys
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import ConfigDict, TypeAdapter, ValidationError

from penchant.errors import ConfigurationError, nearest

__all__ = ["REQUIRED", "Setting", "plain_type", "read_settings", "validated"]


class _Required:
    """The default of a setting that must be given."""

    def __repr__(self) -> str:
        return "required"


REQUIRED: Any = _Required()


#: A number with an exponent and without a point or a sign of it, which YAML reads as a text.
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


@dataclass(frozen=True)
class Setting:
    """One setting of a method, judge, builder, ...: a hyper-parameter, a recipe key, an option, a line of the docs.

    Args:
        name: as written in recipes and papers (``lambda``).
        attribute: as written in Python (``lambda_``).
        type: the type's name, for example ``float``.
        default: the value if none is given; `REQUIRED` if there is no default.
        range: the allowed values, for example ``> 0``; empty if the type is the only restriction.
        doc: what it means.
        annotation: the full annotation, used to validate values.

    Example:
        >>> from penchant.objectives import DPO
        >>> beta = DPO.hyperparameters()[0]
        >>> beta.name, beta.type, beta.default, beta.range
        ('beta', 'float', 0.1, '> 0')
    """

    name: str
    attribute: str
    type: str
    default: Any
    range: str
    doc: str
    annotation: Any

    def _choices(self) -> list[str]:
        """The texts that are allowed, if there are only some."""
        kind = get_args(self.annotation)[0] if get_origin(self.annotation) is Annotated else self.annotation
        return [each for each in get_args(kind) if isinstance(each, str)] if get_origin(kind) is Literal else []

    def check(self, value: Any, owner: str) -> Any:
        """The value, converted to its type; an integer is accepted as a float, a string or a boolean is not.

        A number is accepted as a text, since documents and command lines write the text "7" as a number, and the text
        1e-3 as a number, since YAML reads it as a text.

        Args:
            value: what was given.
            owner: the owner of the setting, for the message: ``objective dpo``.

        Raises:
            ConfigurationError: the value has the wrong type or is out of range.
        """
        adapter: TypeAdapter[Any] = TypeAdapter(self.annotation, config=ConfigDict(strict=True, allow_inf_nan=False))
        if self.type in ("str", "str | None") and isinstance(value, int | float) and not isinstance(value, bool):
            value = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if "float" in self.type and isinstance(value, str) and _EXPONENT.fullmatch(value):
            value = float(value)
        try:
            return adapter.validate_python(value)
        except ValidationError:
            expected = f"{self.type} {self.range}".strip()
            close = nearest(value, self._choices()) if isinstance(value, str) else ""
            meant = f" {close}" if close.startswith("Did you mean") else ""
            raise ConfigurationError(
                f"{self.name!r} is {value!r} ({type(value).__name__}), expected {expected}.{meant}",
                where=owner,
                why=f"Meaning: {self.doc}.",
                fix=None if self.default is REQUIRED else f"The default is {self.default!r}.",
            ) from None


def plain_type(annotation: Any) -> str:
    """The text of a type without metadata, as it is written in Python.

    Example:
        >>> plain_type(Annotated[float, annotated_types.Ge(0)] | Literal["auto"])
        "float | Literal['auto']"
    """
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(map(plain_type, get_args(annotation)))
    kind = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if kind is NoneType:
        return "None"
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind).replace("typing.", "")


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "one of"
    if _has_metadata(annotation):
        return " or ".join(map(_alternative, get_args(annotation)))
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def _has_metadata(annotation: Any) -> bool:
    """Whether one of several alternatives has a range of its own."""
    several = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
    return any(get_origin(each) is Annotated for each in several)


def _alternative(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(map(repr, get_args(annotation)))
    kind, *metadata = get_args(annotation) or (annotation,)
    return f"{_type_name(kind)} {_range_text(kind, tuple(metadata))}".strip()


def _range_text(annotation: Any, metadata: tuple[Any, ...]) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(repr(choice) for choice in get_args(annotation))
    low: tuple[str, str, Any] | None = None
    high: tuple[str, str, Any] | None = None
    for mark in metadata:
        for bound in mark if isinstance(mark, annotated_types.GroupedMetadata) else (mark,):
            if isinstance(bound, annotated_types.Gt):
                low = (">", "(", bound.gt)
            elif isinstance(bound, annotated_types.Ge):
                low = ("≥", "[", bound.ge)
            elif isinstance(bound, annotated_types.Lt):
                high = ("<", ")", bound.lt)
            elif isinstance(bound, annotated_types.Le):
                high = ("≤", "]", bound.le)
    if low and high:
        return f"in {low[1]}{low[2]}, {high[2]}{high[1]}"
    return " ".join(f"{sign} {limit}" for sign, _, limit in filter(None, (low, high)))


def _own_settings(cls: type) -> list[Setting]:
    found = []
    for attribute, annotation in inspect.get_annotations(cls).items():
        if isinstance(annotation, str) and annotation.replace("typing.", "").startswith("Annotated["):
            # Postponed annotations are strings; their names are resolved in the class's module.
            annotation = eval(annotation, vars(sys.modules[cls.__module__]), dict(vars(cls)))
        if get_origin(annotation) is not Annotated:
            continue
        kind, *metadata = get_args(annotation)
        doc = next((mark for mark in metadata if isinstance(mark, str)), None)
        if doc is None:
            raise ConfigurationError(
                f"The setting {attribute!r} has no description.",
                where=f"{cls.__module__}.{cls.__qualname__}",
                fix=f'Write `{attribute}: Annotated[type, range, "what it means"] = default`.',
            )
        name = attribute.removesuffix("_") if keyword.iskeyword(attribute.removesuffix("_")) else attribute
        found.append(
            Setting(
                name=name,
                attribute=attribute,
                type=_type_name(kind),
                default=vars(cls).get(attribute, REQUIRED),
                range=_range_text(kind, tuple(metadata)),
                doc=doc,
                annotation=annotation,
            )
        )
    return found


def read_settings(cls: type) -> list[Setting]:
    """The settings that a class and its bases declare, bases first.

    Args:
        cls: a class with fields of the form ``beta: Annotated[float, Gt(0), "what it means"] = 0.1``; a field without a
            default is required.

    Raises:
        ConfigurationError: a field has no description.

    Example:
        >>> from penchant.objectives import DPO
        >>> [each.name for each in read_settings(DPO)]
        ['beta', 'reference_free']
    """
    found: dict[str, Setting] = {}
    for base in reversed(cls.__mro__):
        for each in _own_settings(base):
            found[each.attribute] = each
    return list(found.values())


def validated(declared: list[Setting], given: dict[str, Any], owner: str, word: str = "setting") -> dict[str, Any]:
    """Values of all declared settings, by attribute: the given values, validated, and defaults for the rest.

    Args:
        declared: the settings that the class declares.
        given: values by name or by attribute.
        owner: the owner of the settings, for messages: ``objective dpo``.
        word: what messages call a setting: ``hyper-parameter``.

    Raises:
        ConfigurationError: a name is unknown, missing or given twice, or a value has the wrong type or is out of range.

    Example:
        >>> from penchant.objectives import DPO
        >>> validated(DPO.hyperparameters(), {"beta": 1}, "objective dpo")
        {'beta': 1.0, 'reference_free': False}
    """
    attributes = {each.name: each for each in declared} | {each.attribute: each for each in declared}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in attributes:
            none = f'It has no {word}s; a class of your own declares one as {name}: Annotated[float, "meaning"] = 0.1.'
            hint = nearest(name, [each.name for each in declared]) if declared else none
            raise ConfigurationError(f"There is no {word} {name!r}. {hint}", where=owner)
        each = attributes[name]
        if each.attribute in values:
            raise ConfigurationError(f"{each.name!r} is given twice.", where=owner)
        values[each.attribute] = each.check(value, owner)
    for each in declared:
        if each.default is REQUIRED and each.attribute not in values:
            raise ConfigurationError(f"The {word} {each.name!r} is missing.", where=owner, why=f"Meaning: {each.doc}.")
    return {each.attribute: values.get(each.attribute, each.default) for each in declared}
