"""The form in which a chat template reads tool calls: arguments as object or JSON text, content absent or empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penchant.documents import json_document
from penchant.feedback.records import Message

__all__ = ["CallForm", "call_form"]

_NAME, _KEY, _VALUE = "penchant_probe", "penchant_key", "penchant value"

# What shows that a value was written as a Python object, or a text with quotes around it.
_WRONG = ("None", f"'{_KEY}'", "'arguments'", '\\"')


@dataclass(frozen=True)
class CallForm:
    """How a turn with tool calls is given to a template.

    Args:
        as_text: arguments are JSON text instead of an object.
        content: the content of a turn that has none: None, or an empty text.

    Example:
        >>> call = {"name": "w", "arguments": '{"city": "Paris"}'}
        >>> CallForm(False, "").of({"role": "assistant", "tool_calls": [call]})["tool_calls"]
        [{'name': 'w', 'arguments': {'city': 'Paris'}}]
    """

    as_text: bool
    content: str | None

    def of(self, turn: Message) -> Message:
        """The turn in this form; the given one is not changed."""
        turn = dict(turn)
        if turn.get("content") is None:
            turn["content"] = self.content
        calls = turn.get("tool_calls")
        if isinstance(calls, list | tuple):
            turn["tool_calls"] = [self._call(call) if isinstance(call, dict) else call for call in calls]
        return turn

    def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        if isinstance(call.get("function"), dict):
            return {**call, "function": self._call(call["function"])}
        given = call.get("arguments")
        if isinstance(given, str) and not self.as_text:
            try:
                parsed = json_document(given)
            except ValueError:
                return call
            return {**call, "arguments": parsed} if isinstance(parsed, dict) else call
        if isinstance(given, dict) and self.as_text:
            return {**call, "arguments": json.dumps(given, ensure_ascii=False)}
        return call


def call_form(render: Callable[[list[Message]], str]) -> CallForm:
    """The form whose rendering shows name and arguments of a call as JSON, found by rendering a probe.

    Templates differ: some concatenate the arguments (text), others write them with ``tojson`` (an object, which would
    turn a text into a quoted one); some require ``content`` to be null beside a call, others concatenate it.

    Args:
        render: messages to text; may raise.

    Returns:
        The first form that renders right; objects and empty content for a template that shows no calls.

    Example:
        >>> call_form(lambda turns: str(turns[1]["tool_calls"][0]["function"]["arguments"])).as_text
        True
    """
    for form in (CallForm(as_text, content) for content in (None, "") for as_text in (False, True)):
        function = {"name": _NAME, "arguments": {_KEY: _VALUE}}
        call = {"id": "penchant0", "type": "function", "function": function}
        probe = [{"role": "user", "content": "Question"}, form.of({"role": "assistant", "tool_calls": [call]})]
        try:
            text = render(probe)
        except Exception:  # templates raise many types; each means that this form is not read
            continue
        if _KEY in text and _VALUE in text and not any(wrong in text for wrong in _WRONG):
            return form
    return CallForm(False, "")
