"""The law of rendering: everything that a conversation wants said is found in the rendered text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from penchant.documents import json_document
from penchant.errors import DataError
from penchant.feedback.records import Message

__all__ = ["REASONING", "USUAL", "check_tools", "check_turns", "left_out", "reasoning_of", "squeezed"]

#: The roles that templates know.
USUAL = ("system", "developer", "user", "assistant", "tool")

#: Keys of a turn that hold its reasoning, in the words of several libraries.
REASONING = ("reasoning_content", "reasoning", "thinking")
# A piece of this length is found by itself; a shorter one could be part of a header, so it must stand in order.
_DISTINCT = 16


def check_turns(text: str, turns: Sequence[Message], template: str, *, first: int = 0, learned: bool = False) -> None:
    """Check that a text says what the turns want said: content, reasoning, tool calls with names and values.

    White space is ignored, since templates trim it. What the turns of an assistant thought in the past may be left out,
    as reasoning models are given it; what the model is trained to write may not.

    Args:
        text: the rendered turns, possibly with others around them.
        turns: what they want said, in order.
        template: the name of the template, for the message.
        first: number of turns before these, to count turns in the message.
        learned: whether the model is trained to write this text.

    Raises:
        DataError: something is left out, or is written as a Python object.

    Example:
        >>> check_turns("user: Hi", [{"role": "user", "content": " Hi\\n"}], "plain")
        >>> check_turns("user: Hi", [{"role": "critic", "content": "Too short."}], "plain")
        Traceback (most recent call last):
            ...
        penchant.errors.DataError: The chat template plain leaves out the content of turn 1 (role 'critic'): ...
    """
    if _as_they_stand(text, turns):
        return
    plain = squeezed(text)
    place = 0
    for number, turn in enumerate(turns, start=first + 1):
        # Templates move the system text, some behind the first user turn.
        moved = turn.get("role") in ("system", "developer")
        reached = begin = 0 if moved else place
        for kind, piece in _wanted(turn, learned):
            end = _found(plain, squeezed(piece), begin)
            if end < 0:
                raise left_out(kind, piece, turn, number, template, said=bool(plain))
            reached = max(reached, end)
        if (written := _as_object(plain, turn)) is not None:
            raise _python_object(written, turn, number, template)
        place = place if moved else reached


def _as_they_stand(text: str, turns: Sequence[Message]) -> bool:
    """Whether turns that are nothing but a content are found word for word, in order: the usual case, quickly.

    What is found with its white space is found without it too, so the full check would find it as well.
    """
    place = 0
    for turn in turns:
        content = turn.get("content")
        if len(turn) != 2 or "role" not in turn or type(content) is not str or "</think>" in content:
            return False
        piece = content.strip()
        moved = turn["role"] in ("system", "developer")
        at = text.find(piece, 0 if moved else place)
        if at < 0:
            return False
        place = place if moved else at + len(piece)
    return True


def check_tools(text: str, without: str, tools: Sequence[Any], template: str) -> None:
    """Check that tools are shown: the name of each function.

    Args:
        text: the rendered conversation.
        without: the same without tools.
        tools: their schemas.
        template: the name of the template, for the message.

    Raises:
        DataError: the template leaves a tool out.

    Example:
        >>> check_tools("tools: weather", "tools:", [{"type": "function", "function": {"name": "weather"}}], "plain")
    """
    for tool in tools:
        function = tool.get("function", tool) if isinstance(tool, dict) else {}
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or name not in text or text == without:
            shown = name if isinstance(name, str) else str(tool)
            raise DataError(
                f"The chat template {template} leaves out the tools of this record ({_short(shown)}).",
                why="The model would learn to call tools that it is never shown.",
                fix="Choose a template that shows tools (--chat-template), or remove the column 'tools'.",
            )


def squeezed(text: str) -> str:
    """A text without white space.

    Example:
        >>> squeezed(" a\\n b ")
        'ab'
    """
    return "".join(text.split())


def reasoning_of(turn: Message) -> list[str]:
    """The reasoning in a turn of the assistant: the text of its keys, and what stands before ``</think>``.

    Example:
        >>> reasoning_of({"role": "assistant", "content": "<think>Easy.</think>4"})
        ['Easy.']
    """
    if turn.get("role") != "assistant":
        return []
    return [piece for kind, piece in _wanted(turn, learned=True) if kind == "reasoning"]


def _wanted(turn: Message, learned: bool) -> Iterator[tuple[str, str]]:
    """What a turn wants said: the kind of each piece, and its text."""
    spoken = turn.get("role") == "assistant"
    if learned:
        for key in REASONING:
            if isinstance(turn.get(key), str):
                yield "reasoning", turn[key]
    content = turn.get("content")
    for part in content if isinstance(content, list | tuple) else [content]:
        piece = part.get("text") if isinstance(part, dict) else part
        if isinstance(piece, str) and spoken and "</think>" in piece:
            thought, _, piece = piece.rpartition("</think>")
            if learned:
                yield "reasoning", thought.replace("<think>", "", 1)
        if piece is not None or part is not None:
            yield "content", piece if isinstance(piece, str) else str(part)
    for call in turn.get("tool_calls") or ():
        function = call.get("function", call) if isinstance(call, dict) else {}
        if isinstance(function, dict):
            yield "tool call", str(function.get("name") or "")
            yield from (("tool call", value) for value in _values(_parsed(function.get("arguments"))))


def _parsed(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return json_document(arguments)
    except ValueError:
        return arguments


def _values(arguments: Any) -> Iterator[str]:
    """The texts and numbers in the arguments of a call."""
    if isinstance(arguments, dict | list | tuple):
        for each in arguments.values() if isinstance(arguments, dict) else arguments:
            yield from _values(each)
    elif isinstance(arguments, str):
        yield arguments
    elif isinstance(arguments, int | float) and not isinstance(arguments, bool):
        yield json.dumps(arguments)


def _found(plain: str, piece: str, begin: int) -> int:
    """The end of a piece in a text from a place on, as it stands or with the escapes of JSON; −1 if it is not there."""
    at = plain.find(piece, begin)
    if at >= 0:
        return at + len(piece)
    if len(piece) >= _DISTINCT and piece in plain:
        return begin
    for ascii_only in (False, True):
        escaped = json.dumps(piece, ensure_ascii=ascii_only)[1:-1]
        if (at := plain.find(escaped, begin)) >= 0:
            return at + len(escaped)
    return -1


def _as_object(plain: str, turn: Message) -> str | None:
    """The content or the arguments of a turn as Python writes them, where the text has them in that form."""
    given = [turn.get("content")]
    for call in turn.get("tool_calls") or ():
        function = call.get("function", call) if isinstance(call, dict) else {}
        given.append(_parsed(function.get("arguments")) if isinstance(function, dict) else None)
    for value in given:
        if isinstance(value, dict | list | tuple) and value:
            written = squeezed(repr(value))
            if written in plain and written != squeezed(json.dumps(value, ensure_ascii=False, default=str)):
                return repr(value)
    return str(turn["tool_calls"]) if turn.get("tool_calls") and "'arguments':" in plain else None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def left_out(kind: str, piece: str, turn: Message, number: int, template: str, *, said: bool = True) -> DataError:
    """The error for something that a template leaves out.

    Args:
        kind: content, reasoning, tool call.
        piece: what is left out.
        turn: the turn that wants it said.
        number: its place in the conversation, from 1.
        template: the name of the template.
        said: whether the turn renders to any text.
    """
    role = turn.get("role")
    remedy = "Choose a template that renders it (--chat-template)"
    if role not in USUAL:
        remedy = "Give the turn one of the roles system, user, assistant and tool, or choose another template"
    elif kind == "tool call" or role == "tool":
        remedy = "Choose a template that renders tools (--chat-template)"
    nothing = "" if said else " The turn renders to nothing."
    return DataError(
        f"The chat template {template} leaves out the {kind} of turn {number} (role {role!r}): {_short(piece)}."
        f"{nothing}",
        why="The model would not see what was written.",
        fix=f"{remedy}, or remove the record.",
    )


def _python_object(written: str, turn: Message, number: int, template: str) -> DataError:
    return DataError(
        f"The chat template {template} writes turn {number} (role {turn.get('role')!r}) as a Python object: "
        f"{_short(written)}.",
        why="The model would learn to write it so.",
        fix="Give the content as text, or choose a template that reads this form (--chat-template).",
    )
