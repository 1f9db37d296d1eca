"""Responses of one or more turns, as pieces of text that the model writes and pieces that are context."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from penchant.errors import DataError
from penchant.feedback.records import Message, counts
from penchant.rendering.chat import Chat, followed
from penchant.rendering.law import REASONING, check_turns, squeezed

__all__ = ["Piece", "opened_twice", "response_pieces", "without_end"]

_MARK = "PENCHANTMARK"
_OPENED = re.compile(r"(<\w+>)\s*$")


class Piece(NamedTuple):
    """A run of a response's text, and whether the model wrote it (and learns it)."""

    text: str
    learned: bool


def response_pieces(
    chat: Chat, prompt: Sequence[Message], text: str, turns: Sequence[Message], end: str, ends: Sequence[str]
) -> list[Piece]:
    """The text of a response after its prompt: pieces that the model writes, and pieces of context between them.

    Each of the assistant's turns is the text that the template writes for it as the last turn of the conversation,
    which is what the model writes at that point. The context before the next one (tool output, user turns, turn
    headers) ends as the prompt ends from which that turn is generated. All but the last learned piece end with their
    end token.

    Args:
        chat: the template.
        prompt: the turns before the response.
        text: the prompt as text, with the generation prompt.
        turns: the response.
        end: the end token of an answer.
        ends: all special tokens, one of which may end a turn instead.

    Raises:
        DataError: the template leaves something out, or renders the history differently when a turn follows.
    """
    spoken = [place for place, turn in enumerate(turns) if turn.get("role") == "assistant"]
    if not spoken or spoken[0] != 0 or spoken[-1] != len(turns) - 1:
        role = turns[0 if not spoken or spoken[0] != 0 else -1].get("role")
        raise DataError(
            f"The response {'ends' if spoken and spoken[0] == 0 else 'begins'} with a turn of {role!r}, expected the "
            "assistant's.",
            why="A model learns what the assistant writes; the turns before its first one belong to the prompt.",
            fix="Move the turns before the first answer into the prompt, and cut the response after the last answer.",
        )
    chat.check_roles(turns, len(prompt))
    pieces: list[Piece] = []
    start, reached = text, text
    for at, place in enumerate(spoken):
        before = followed(prompt, turns[:place])
        if place:
            start = chat.text(before, generation=True)
            if start.startswith(reached):
                between = start[len(reached) :]
            else:
                closing = (end, *ends) if chat.end.token else ()
                between = _context(chat, prompt, turns[:place], spoken[at - 1], start, closing)
                _check_history([text, *(piece.text for piece in pieces), between], start, ends, chat.name)
            check_turns(between, turns[spoken[at - 1] + 1 : place], chat.name, first=len(prompt) + spoken[at - 1] + 1)
            pieces.append(Piece(between, False))
        said, ending = _written(chat, before, start, turns[place], end, ends)
        check_turns(said, [_bare(turns[place], end)], chat.name, first=len(before), learned=True)
        ends_here = place == spoken[-1]
        pieces.append(Piece(said if ends_here else said + ending, ends_here or counts(turns[place])))
        reached = start + said + ending
    return pieces


def without_end(text: str, end_token: str) -> str:
    """``text`` without trailing end tokens.

    Example:
        >>> without_end("It is 42</s></s>", "</s>")
        'It is 42'
    """
    while text.rstrip().endswith(end_token):
        text = text.rstrip()[: -len(end_token)]
    return text


def _bare(turn: Message, end: str) -> Message:
    """A turn without the end token in its text, which is written once anyway."""
    content = turn.get("content")
    return {**turn, "content": without_end(content, end)} if isinstance(content, str) and end in content else turn


def _written(
    chat: Chat, before: Sequence[Message], start: str, turn: Message, end: str, ends: Sequence[str]
) -> tuple[str, str]:
    """What the model writes as this turn after ``start``, without its end token; and that token."""
    full = chat.text(followed(before, [turn]), generation=False)
    tail = chat.end.tail
    content = turn.get("content")
    if full.startswith(start):
        rest = full[len(start) :]
    elif isinstance(content, str) and not turn.get("tool_calls"):
        # The generation prompt adds text that answers in the history do not have, such as a thinking tag.
        rest = content + tail
    else:
        rest = _after_history(chat, before, start, full)
    ending = ""
    if tail and rest.endswith(tail):
        rest = rest[: -len(tail)]
        ending = end if chat.end.token else ""
    elif rest.rstrip().endswith(end):
        ending = end
    elif (other := next((each for each in ends if each != end and rest.rstrip().endswith(each)), None)) is not None:
        # Some templates end a call of a tool with another token than an answer.
        ending = other
        rest = rest.rstrip()[: -len(other)]
    return _not_opened_twice(start, without_end(rest, end)) + chat.end.before, ending


def opened_twice(start: str, rest: str) -> str | None:
    """The tag that a text ends with and the text after it begins with, such as a thinking tag; None if there is none.

    Example:
        >>> opened_twice("Question <think> ", "<think>Easy.</think> 4")
        '<think>'
    """
    opened = _OPENED.search(start)
    return opened[1] if opened is not None and rest.lstrip().startswith(opened[1]) else None


def _not_opened_twice(start: str, rest: str) -> str:
    """A turn without the opening tag that the generation prompt has written already, such as a thinking tag."""
    tag = opened_twice(start, rest)
    return rest if tag is None else rest.lstrip().removeprefix(tag).removeprefix(start[start.rindex(tag) + len(tag) :])


def _after_history(chat: Chat, before: Sequence[Message], start: str, full: str) -> str:
    history = chat.text(before, generation=False)
    if not full.startswith(history):
        raise _rewritten(chat.name)
    opening, rest = start[len(history) :], full[len(history) :]
    shared = next((at for at, (a, b) in enumerate(zip(opening, rest, strict=False)) if a != b), len(opening))
    return rest[shared:]


def _context(
    chat: Chat, prompt: Sequence[Message], turns: Sequence[Message], last: int, start: str, ends: Sequence[str]
) -> str:
    """What the template writes between the end token of the turn ``last`` and the next turn of the assistant.

    It is what follows a mark that stands in place of that turn's content.
    """
    marked = {name: value for name, value in turns[last].items() if name not in REASONING} | {"content": _MARK}
    bare = {name: value for name, value in marked.items() if name != "tool_calls"}
    for turn in (marked, bare):
        try:
            found = chat.text(followed(prompt, [*turns[:last], turn, *turns[last + 1 :]]), generation=True)
        except DataError:
            continue
        _, mark, rest = found.partition(_MARK)
        if mark and ends:
            # The history of some templates ends an answer with another token than the answer itself.
            closing = ends[0] if ends[0] in rest else min(ends, key=lambda each: (rest.find(each) < 0, rest.find(each)))
            _, mark, rest = rest.partition(closing)
        elif mark and turn is marked and "tool_calls" in marked:
            continue  # without an end token, the calls after the mark cannot be told from what follows
        if mark and start.endswith(rest):
            return rest
    raise _rewritten(chat.name)


def _check_history(written: list[str], start: str, ends: Sequence[str], template: str) -> None:
    """Check that the prompt of a turn is what has been written before it, apart from former reasoning."""
    if "".join(_spoken(text, ends) for text in written) != _spoken(start, ends):
        raise _rewritten(template)


def _spoken(text: str, ends: Sequence[str]) -> str:
    """A text without reasoning, special tokens and white space."""
    for token in ends:
        text = text.replace(token, "")
    if "think>" in text:
        text = _without_reasoning(text)
    return squeezed(text)


def _without_reasoning(text: str) -> str:
    """A text without what stands in, or before the end of, ``<think>`` and ``</think>``; in linear time."""
    kept, at = [], 0
    while (start := text.find("<think>", at)) >= 0 and (end := text.find("</think>", start)) >= 0:
        kept.append(text[at:start])
        at = end + len("</think>")
    rest = "".join(kept) + text[at:]
    _, closed, behind = rest.partition("</think>")
    return (behind if closed else rest).replace("<think>", "")


def _rewritten(template: str) -> DataError:
    return DataError(
        f"The chat template {template} renders the history of this conversation differently when an answer follows it.",
        why="The model would be trained on another prompt than it receives in generation.",
        fix="Choose another template (--chat-template chatml or plain), or train on the last turn only.",
    )
