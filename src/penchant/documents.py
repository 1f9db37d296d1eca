"""YAML and JSON that people write, with bounds: what is too deep, too large or ambiguous is an error that says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError

if TYPE_CHECKING:
    import yaml

__all__ = ["DEEPEST", "MOST_DIGITS", "NotYamlError", "half_character", "json_document", "too_deep", "yaml_document"]

#: Deepest nesting of lists and objects that is read; JSON of chats and tools has about ten levels.
DEEPEST = 100
#: Most values of a YAML document, each alias counted as often as it is used.
MOST_VALUES = 200_000
#: Longest integers, in decimal digits: what becomes a finite number of floating point.
MOST_DIGITS = 308


class NotYamlError(ConfigurationError):
    """A text is no YAML."""


def too_deep(value: Any, deepest: int = DEEPEST) -> bool:
    """Whether lists and objects are nested deeper than a limit.

    Args:
        value: of JSON.
        deepest: number of levels that are allowed.

    Example:
        >>> too_deep([[[]]], 2), too_deep({"a": [1]}, 2)
        (True, False)
    """
    level = [value]
    for _ in range(deepest):
        level = [inner for each in level for inner in _parts(each) if isinstance(inner, list | dict)]
        if not level:
            return False
    return True


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def json_document(text: str | bytes) -> Any:
    """`json.loads`, whose error for what is nested too deeply is that for other faults.

    Raises:
        ValueError: the text is not JSON, is nested too deeply, or has an integer of too many digits.

    Example:
        >>> json_document('{"a": 1}')
        {'a': 1}
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if too_deep(value):
        raise ValueError("it is nested too deeply")
    return value


def yaml_document(text: str, where: str) -> Any:
    """The value of a YAML text, made of plain values only.

    Args:
        text: the content of a file, or a value on the command line.
        where: name of the file, for errors.

    Raises:
        NotYamlError: the text is no YAML, or a value is not what its tag says.
        ConfigurationError: a key is given twice, values are nested too deeply, aliases repeat too much, a number is too
            long, or a text has half a character.

    Example:
        >>> yaml_document("lora: {r: 8}", "recipe.yaml")
        {'lora': {'r': 8}}
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        document = loader.get_single_node()
        _refuse_twice(document, where)
        _refuse_explosion(document, where)
        value = None if document is None else loader.construct_document(document)
    except yaml.YAMLError as error:
        raise NotYamlError(f"This is not YAML: {' '.join(str(error).split())}", where=where) from error
    except RecursionError as error:
        raise _deep(where) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        # What PyYAML's constructors raise for `!!int x`, `!!bool x`, `!!timestamp x`, or the day 2001-13-45.
        reason = " ".join(str(error).split())[:160]
        raise NotYamlError(f"A value is not what its form says ({reason}).", where=where, fix="Quote it.") from error
    for part in _walked(value):
        _check_value(part, where)
    return value


def _deep(where: str) -> ConfigurationError:
    return ConfigurationError(f"Values are nested too deeply (more than {DEEPEST} levels).", where=where)


def _refuse_twice(document: yaml.Node | None, where: str) -> None:
    """Refuse a mapping that has a key twice, of which only the last would count; both lines are named."""
    for node in _nodes(document):
        lines: dict[str, int] = {}
        for each in node.value:
            key = each[0] if isinstance(each, tuple) else None
            if key is None or not isinstance(key.value, str) or key.value == "<<":
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigurationError(
                    f"The key {key.value!r} is given twice, in line {lines[key.value]} and in line {line}.",
                    where=where,
                    why="Only the last one would count.",
                    fix="Remove one of them.",
                )
            lines[key.value] = line


def _nodes(document: yaml.Node | None) -> Iterator[yaml.Node]:
    """Every list and mapping of a composed document once; its aliases are the nodes that they name."""
    seen: set[int] = set()
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen or isinstance(node.value, str):
            continue
        seen.add(id(node))
        waiting += _inner(node)
        yield node


def _inner(node: yaml.Node) -> list[yaml.Node]:
    """The keys and values, or the entries of a node."""
    return [part for each in node.value for part in (each if isinstance(each, tuple) else (each,))]


def _refuse_explosion(document: yaml.Node | None, where: str) -> None:
    """Refuse aliases that stand inside of what they name, or repeat more values than any recipe has."""
    sizes: dict[int, tuple[int, int]] = {}
    within: set[int] = set()

    def measured(node: yaml.Node) -> tuple[int, int]:
        """Number of values and of levels, aliases counted as often as they are used."""
        if isinstance(node.value, str):
            return 1, 0
        if id(node) in within:
            raise ConfigurationError(
                "An alias stands inside of what it names.", where=where, fix="Write the value out, without the alias."
            )
        if id(node) not in sizes:
            within.add(id(node))
            parts = [measured(each) for each in _inner(node)]
            within.remove(id(node))
            sizes[id(node)] = 1 + sum(count for count, _ in parts), 1 + max((depth for _, depth in parts), default=0)
        return sizes[id(node)]

    count, depth = (0, 0) if document is None else measured(document)
    if depth > DEEPEST:
        raise _deep(where)
    if count > MOST_VALUES:
        raise ConfigurationError(
            f"The aliases of the file repeat {count:.3g} values; at most {MOST_VALUES:,} are read.",
            where=where,
            fix="Write the values out, without aliases.",
        )


def _walked(value: Any) -> Iterator[Any]:
    """Every key and plain value inside of a value."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set):
            waiting += each
        else:
            yield each


def _check_value(value: Any, where: str) -> None:
    """Refuse what no library can compute with, no file can hold, and no path can have."""
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        raise ConfigurationError(f"An integer has more than {MOST_DIGITS} digits.", where=where)
    if isinstance(value, str) and (half := half_character(value)) is not None:
        raise ConfigurationError(
            f"A text contains half a character (the lone surrogate {half!a}).", where=where, fix="Remove it."
        )
    if isinstance(value, str) and "\x00" in value:
        raise ConfigurationError(
            f"A text contains the character NUL: {value[:40]!r}.", where=where, fix="Remove the character."
        )


def half_character(text: str) -> str | None:
    r"""The first lone surrogate of a text, which no encoding can hold, or None.

    Example:
        >>> half_character("whole"), ascii(half_character("half \ud800"))
        (None, "'\\ud800'")
    """
    return None if text.isascii() else next((each for each in text if "\ud800" <= each <= "\udfff"), None)
