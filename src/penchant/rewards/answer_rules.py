"""Rules by which a response is right that need more than words: a pattern, a JSON schema, boxes that overlap."""

from __future__ import annotations

import json
from typing import Any

import regex

from penchant.documents import json_document
from penchant.errors import ConfigurationError, DataError
from penchant.rewards.visual.boxes import overlap

__all__ = ["as_answer", "box_in", "box_overlap", "compiled", "fits_schema", "json_in", "matches", "schema_of"]

#: Seconds that a pattern may search in one response.
LONGEST_SEARCH = 2.0

_BOX = regex.compile(r"[\[(]\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*[\])]")


def compiled(pattern: str) -> Any:
    """A regular expression.

    Raises:
        ValueError: it is none; the message says why.
    """
    try:
        return regex.compile(pattern)
    except (regex.error, ValueError, OverflowError) as error:
        raise ValueError(f"is no regular expression ({error})") from error


def matches(response: str, pattern: str) -> bool:
    """Whether a regular expression is found in a response; ``^`` and ``$`` bind it to beginning and end.

    Raises:
        DataError: the search takes more than two seconds.

    Example:
        >>> matches("It is 42 km.", r"[0-9]+ km"), matches("It is far.", r"[0-9]+ km")
        (True, False)
    """
    try:
        return compiled(pattern).search(response, timeout=LONGEST_SEARCH) is not None
    except TimeoutError as error:
        raise DataError(
            f"The pattern {pattern[:80]!r} searches for more than {LONGEST_SEARCH:g} s in a response of "
            f"{len(response):,} characters.",
            where="verifier",
            why="Nested repetitions such as (a+)+ try every way to divide a text.",
            fix="Write the pattern without repetitions inside of repetitions.",
        ) from error


def schema_of(answer: str) -> Any:
    """A validator of a JSON schema, given as JSON; references to other documents are not followed.

    Raises:
        ValueError: it is no JSON schema; the message says why.
        ConfigurationError: the package jsonschema is missing.
    """
    try:
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator, validator_for
        from jsonschema_specifications import REGISTRY
    except ImportError as error:
        raise ConfigurationError(
            "The rule json_schema needs the package jsonschema.", fix="pip install 'penchant[evaluation]'"
        ) from error
    try:
        schema = json_document(answer)
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from error
    if not isinstance(schema, dict | bool):
        raise ValueError("is no JSON schema, which is an object")
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"is no JSON schema ({error.message})") from error
    return kind(schema, registry=REGISTRY)


def json_in(response: str) -> Any:
    """The JSON document of a response: its last fenced block, or all of it.

    Raises:
        ValueError: there is none.

    Example:
        >>> json_in('Here it is: ```json\\n{"a": 1}\\n``` Done.')
        {'a': 1}
    """
    parts = response.split("```")
    blocks = [each.removeprefix("json").removeprefix("JSON") for each in parts[1::2]]
    return json_document((blocks[-1] if blocks else response).strip())


def fits_schema(response: str, answer: str) -> bool:
    """Whether the JSON document of a response is valid under a schema.

    Raises:
        DataError: the schema refers to another document.
    """
    try:
        document = json_in(response)
    except ValueError:
        return False
    try:
        return bool(schema_of(answer).is_valid(document))
    except (ConfigurationError, ValueError):
        raise
    except Exception as error:  # what the library raises for references that it cannot resolve
        raise DataError(
            f"The JSON schema cannot be applied: {error}.",
            where="verifier",
            fix="Give a schema that refers to nothing outside of itself.",
        ) from error


def box_in(text: str) -> tuple[float, float, float, float] | None:
    """The last box of a text, four numbers in brackets: left, top, right, bottom; None if there is none.

    Example:
        >>> box_in("The cat is at [10, 20, 30.5, 40]."), box_in("no box"), box_in("[3, 0, 1, 1]")
        ((10.0, 20.0, 30.5, 40.0), None, None)
    """
    found = _BOX.findall(text)
    try:
        left, top, right, bottom = map(float, found[-1] if found else ())
    except ValueError:
        return None
    return (left, top, right, bottom) if left < right and top < bottom else None


def box_overlap(response: str, answer: str) -> float:
    """The intersection over the union of two boxes, in [0, 1]; 0 for a response without a box.

    Example:
        >>> box_overlap("[0, 0, 2, 2]", "[1, 0, 3, 2]"), box_overlap("nothing", "[1, 0, 3, 2]")
        (0.3333333333333333, 0.0)
    """
    first, second = box_in(response), box_in(answer)
    if first is None or second is None:
        return 0.0
    return overlap(first, second)


def as_answer(answer: object) -> str:
    """An answer as text: a schema or a box as JSON."""
    return json.dumps(answer) if isinstance(answer, dict | list) else str(answer)
