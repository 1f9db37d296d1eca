"""The columns ``tools`` and ``chat_template_kwargs``, which a record passes to the chat template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from penchant.errors import DataError
from penchant.feedback.literals import NOT_READ, literal
from penchant.feedback.records import Record, Source
from penchant.feedback.values import described, whole, without_nulls, wrong

__all__ = ["ARGUMENTS", "THINKING", "TOOLS", "template_columns", "tools_column", "with_template_columns"]

#: The columns.
TOOLS, ARGUMENTS = "tools", "chat_template_kwargs"
#: A template argument that has a column of its own (verl).
THINKING = "enable_thinking"
#: The name that OpenAI used before ``tools``.
FUNCTIONS = "functions"


def template_columns(record: Record) -> dict[str, Any]:
    """A record's tools and template arguments as columns of a row.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> template_columns(Prompt(prompt="Hi", template_arguments={"enable_thinking": False}))
        {'chat_template_kwargs': {'enable_thinking': False}}
    """
    given = {TOOLS: list(record.tools or ()), ARGUMENTS: record.template_arguments}
    return {name: value for name, value in given.items() if value}


def tools_column(row: Mapping[str, Any]) -> str | None:
    """The row's column of tools: ``tools``, or ``functions`` if its values are functions with parameters.

    Example:
        >>> tools_column({"prompt": "Hi", "functions": [{"name": "tram", "parameters": {}}]})
        'functions'
    """
    if TOOLS in row:
        return TOOLS
    value = row.get(FUNCTIONS)
    found = literal(value) if isinstance(value, str) else value
    listed = found if isinstance(found, list | tuple) else ()
    schemas = [isinstance(each, Mapping) and ("parameters" in each or "function" in each) for each in listed]
    return FUNCTIONS if schemas and all(schemas) else None


def with_template_columns(record: Record, row: Mapping[str, Any]) -> Record:
    """A record with the tools and the template arguments of its row.

    Raises:
        DataError: ``tools`` is not a list of tools (or JSON text of one); ``chat_template_kwargs`` is not an object.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> with_template_columns(Prompt(prompt="Hi"), {"tools": '[{"name": "tram", "parameters": {}}]'}).tools
        ({'type': 'function', 'function': {'name': 'tram', 'parameters': {}}},)
    """
    tools = _tools(row.get(tools_column(row) or TOOLS), record.source)
    arguments = _arguments(row.get(ARGUMENTS), record.source)
    if isinstance(row.get(THINKING), bool):
        arguments = {THINKING: row[THINKING], **arguments}
    if tools is None and not arguments:
        return record
    return replace(record, tools=tools, template_arguments=arguments)


def _tools(value: Any, source: Source) -> tuple[Any, ...] | None:
    found = _read(value, TOOLS, "a list of tools, or JSON text of one", source)
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list | tuple | None):
        raise wrong(TOOLS, value, "a list of tools, or JSON text of one", source)
    tools = [_tool(each, f"{TOOLS}[{at}]", source) for at, each in enumerate(found or ())]
    return tuple(tools) or None


def _tool(value: Any, field: str, source: Source) -> dict[str, Any]:
    found = _read(value, field, "a tool: an object with the name and the parameters of a function", source)
    if not isinstance(found, Mapping):
        raise wrong(field, value, "a tool: an object with the name and the parameters of a function", source)
    tool: dict[str, Any] = whole(without_nulls(found), field, source)
    if "function" not in tool and "name" in tool and ("parameters" in tool or "type" not in tool):
        # The bare function of LLaMA-Factory; chat templates look for it under 'function'.
        return {"type": "function", "function": {name: part for name, part in tool.items() if name != "type"}}
    return tool


def _arguments(value: Any, source: Source) -> dict[str, Any]:
    found = _read(value, ARGUMENTS, "an object with variables of the chat template", source)
    if not isinstance(found, Mapping | None):
        raise wrong(ARGUMENTS, value, "an object with variables of the chat template", source)
    return dict(whole(without_nulls(found or {}), ARGUMENTS, source))


def _read(value: Any, field: str, expected: str, source: Source) -> Any:
    """The list or object of a column, which may be written as text; None if it is empty."""
    if not isinstance(value, str):
        return value
    if not value.strip() or value.strip().lower() in ("null", "none"):
        return None
    found = literal(value)
    if found is NOT_READ:
        raise DataError(
            f"{field!r} is {described(value)}, which is not JSON; expected {expected}.",
            where=str(source),
            why="The chat template would show the model something else than the tools.",
            fix=f"Write the column {field!r} as JSON, or remove the record.",
        )
    return found
