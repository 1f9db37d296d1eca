"""Messages in one form: roles, contents and tool calls as chat templates expect them, however they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.literals import NOT_READ, literal
from penchant.feedback.records import Message, Source
from penchant.feedback.roles import CALLS, normal_role
from penchant.feedback.values import described, whole, without_nulls, wrong

__all__ = ["is_message", "normal_messages"]

_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
_TEXT_KEYS = ("text", "value", "content", "refusal")
_MEDIA = ("image", "video", "audio")


def is_message(value: Any) -> bool:
    """Whether a value is one message: an object with a role.

    Example:
        >>> is_message({"from": "gpt", "value": "Hello!"}), is_message({"text": "Hello!"})
        (True, False)
    """
    if not isinstance(value, Mapping):
        return False
    return "role" in value or any({who, said} <= set(value) for who, said in (("from", "value"), ("author", "content")))


def normal_messages(value: Iterable[Any], field: str, source: Source) -> list[Message]:
    """Messages with the keys ``role`` and ``content`` (text), and ``tool_calls`` whose arguments are objects.

    Parts of text are joined; keys with null are removed; a turn ``function_call`` becomes the assistant's call.

    Args:
        value: the messages as read.
        field: the column, for errors.
        source: file and line, for errors.

    Raises:
        DataError: there is no message, or an entry is not one; a content has a part that is not text, such as an image.

    Example:
        >>> parts = [{"from": "Human", "value": [{"type": "text", "text": "Say "}, {"type": "text", "text": "hi"}]}]
        >>> normal_messages(parts, "prompt", Source())
        [{'role': 'user', 'content': 'Say hi'}]
    """
    turns = [_message(turn, f"{field}[{at}]", source) for at, turn in enumerate(value)]
    if not turns:
        raise wrong(field, [], "at least one message", source, fix="Fill it in, or remove the record.")
    return turns


def _message(turn: Any, field: str, source: Source) -> Message:
    if not isinstance(turn, Mapping):
        raise wrong(field, turn, "a message {'role': ..., 'content': ...}", source)
    kept = without_nulls(turn)
    if "from" in kept and "role" not in kept:
        kept = {"role": kept.pop("from"), **kept}
    if "author" in kept and "role" not in kept:  # Vertex
        kept = {"role": kept.pop("author"), **kept}
    if "text" in kept and "content" not in kept:  # OpenAssistant
        kept["content"] = kept.pop("text")
    if "value" in kept and "content" not in kept:
        kept = {"role": kept.pop("role", None), "content": kept.pop("value"), **kept}
    if "parts" in kept and "content" not in kept:  # Gemini
        kept["content"] = kept.pop("parts")
    role = kept.get("role")
    if not isinstance(role, str) or not role:
        raise wrong(f"{field}.role", role, "text such as 'user' or 'assistant'", source)
    kept = _with_calls(kept, role, field, source)
    if "content" in kept:
        kept["content"] = _content(kept["content"], f"{field}.content", kept["role"], source)
    elif not kept.get("tool_calls"):
        raise wrong(f"{field}.content", None, "text", source)
    return whole(kept, field, source)


def _with_calls(turn: Message, role: str, field: str, source: Source) -> Message:
    """The turn with its normal role, and with its calls under ``tool_calls``."""
    kept = {**turn, "role": normal_role(role)}
    calls = kept.pop("tool_calls", None)
    if role.strip().lower() in CALLS:
        kept["role"], calls = "assistant", kept.pop("content", None)
        field = f"{field}.content"
    elif calls is None and isinstance(kept.get("function_call"), Mapping):
        calls = kept.pop("function_call")
    if calls:
        kept["tool_calls"] = _calls(calls, field, source)
    return kept


def _calls(value: Any, field: str, source: Source) -> list[dict[str, Any]]:
    found = literal(value) if isinstance(value, str) else value
    calls = [found] if isinstance(found, Mapping) else found
    if found is NOT_READ or not isinstance(calls, list) or not all(isinstance(call, Mapping) for call in calls):
        raise wrong(
            field, value, "tool calls: {'name': ..., 'arguments': ...}, or a list of them", source,
            fix="Write the calls as JSON.",
        )  # fmt: skip
    return [_call(without_nulls(call)) for call in calls]


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """A call as ``{"type": "function", "function": {"name", "arguments"}}``, its arguments an object."""
    if "function" not in call and "name" in call:
        inner: dict[str, Any] = {name: call[name] for name in ("name", "arguments", "parameters") if name in call}
        rest = {name: value for name, value in call.items() if name not in inner}
        if "parameters" in inner and "arguments" not in inner:
            inner["arguments"] = inner.pop("parameters")
        call = {**rest, "type": "function", "function": inner}
    called = call.get("function")
    if isinstance(called, Mapping) and isinstance(called.get("arguments"), str):
        # Templates write objects as JSON; a text would be quoted once more.
        arguments = literal(called["arguments"])
        if isinstance(arguments, dict):
            call = {**call, "function": {**called, "arguments": without_nulls(arguments)}}
    return call


def _content(value: Any, field: str, role: str, source: Source) -> str:
    """The text of a content."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list | tuple):
        raise wrong(field, value, "text", source)
    return "".join(_part(part, f"{field}[{at}]", role, source) for at, part in enumerate(value))


def _part(part: Any, field: str, role: str, source: Source) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        raise wrong(field, part, "a part of text {'type': 'text', 'text': ...}", source)
    kind = str(part.get("type", "text"))
    if any(name in kind for name in _MEDIA) or ("type" not in part and any(name in part for name in _MEDIA)):
        raise _media(field, kind, role, source)
    text = next((part[name] for name in _TEXT_KEYS if isinstance(part.get(name), str)), None)
    if kind not in _TEXT_PARTS or text is None:
        raise DataError(
            f"{field!r} in the turn of {role!r} is {described(dict(part))}, expected a part of text "
            "{'type': 'text', 'text': ...}.",
            where=str(source),
            fix="Write the content as text, or remove the record.",
        )
    return text


def _media(field: str, kind: str, role: str, source: Source) -> DataError:
    name = next((name for name in _MEDIA if name in kind), "image")
    many = {"image": "Images", "video": "Videos", "audio": "Recordings"}[name]
    return DataError(
        f"{field!r} in the turn of {role!r} is of type {kind!r}. {many} cannot be used with a text model.",
        where=str(source),
        why="The answer refers to what the model cannot see.",
        fix="Remove the record, or describe in words what it shows.",
    )
