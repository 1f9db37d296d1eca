"""The error for rows in whose columns no layout is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.feedback import validation
from penchant.feedback.known.prompts import asked, is_chat, prompt_columns
from penchant.feedback.records import Source

__all__ = ["unrecognised"]


def unrecognised(row: Mapping[str, Any], name: str) -> DataError:
    """The error for a row whose columns are not recognised, with the options that would name them.

    Args:
        row: the first row.
        name: of the file or data set.

    Example:
        >>> unrecognised({"question": "a", "instruction": "b"}, "x.jsonl").fix.split("; ")[0]
        'Choose: --map prompt=question, or --map prompt=instruction'
    """
    found = validation.missing("prompt", row, Source(Path(name).name, 1)).what.split(". ", 1)[1]
    asking, several = prompt_columns(row), _several(row)
    rest = [column for column in row if column not in asking]
    meant = [] if several else [validation.suggestion("prompt", row)]
    for field in ("completion", "chosen", "rejected"):
        left = [column for column in rest if not any(f"{column!r}?" in hint for hint in meant)]
        meant.append(_inside(validation.suggestion(field, left), field, row))
    meant = [_inside(hint, "prompt", row) for hint in meant]
    hints = dict.fromkeys(hint for hint in meant if hint.startswith("Did you mean"))
    if len(asking) == 1 and isinstance(row.get("answer"), str):
        hints = dict.fromkeys([_two_meanings(asking[0])])
    return DataError(
        f"The layout is not recognised: {found}{f' {several.what}' if several else ''}",
        where=name,
        why="Expected prompt + chosen + rejected; prompt + completion (+ label); prompt + completions + scores "
        "or ranks; messages; or prompt. For images prompt + chosen_image + rejected_image; prompt + image "
        "(+ label).",
        fix=" ".join([*([several.fix or ""] if several else []), *hints])
        or "Name the columns: --map prompt=COLUMN --map completion=COLUMN.",
    )


def _two_meanings(prompt: str) -> str:
    """What to say of a prompt with an answer, which is to be imitated, or compared with."""
    return (
        f"An answer beside a {prompt} has two meanings. To imitate it: --map prompt={prompt} --map completion=answer. "
        f"For an online run, whose verifier compares responses with the field answer: --map prompt={prompt}."
    )


def _several(row: Mapping[str, Any]) -> DataError | None:
    """The error of a row with several columns that could be the prompt."""
    try:
        asked(row, Source())
    except DataError as error:
        return error
    return None


def _inside(hint: str, field: str, row: Mapping[str, Any]) -> str:
    """A hint whose column is an object names the text or the messages inside of it, if there is only one."""
    column = next(
        (name for name, value in row.items() if f"column {name!r}?" in hint and isinstance(value, Mapping)), None
    )
    if column is None:
        return hint
    paths = [f"{column}.{name}" for name, value in row[column].items() if is_chat(value) or _is_said(name, value)]
    if len(paths) != 1:
        return f"The column {column!r} is an object; a path names what is in it: --map {field}={column}.NAME."
    return f"Did you mean {paths[0]!r}? Map it: --map {field}={paths[0]} (mapping={{{field!r}: {paths[0]!r}}})."


def _is_said(name: str, value: Any) -> bool:
    return name not in ("role", "id") and isinstance(value, str)
