"""The prompt of a row under its many names, and the system text and history in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.known.layout import Row, empty, filled, unnamed
from penchant.feedback.literals import NOT_READ, literal
from penchant.feedback.messages import is_message
from penchant.feedback.records import Source
from penchant.feedback.roles import normal_role
from penchant.feedback.validation import NOT_ANSWERING

__all__ = [
    "ASKED",
    "CHATS",
    "asked",
    "chat_of",
    "context_columns",
    "has_prompt",
    "is_chat",
    "open_chat",
    "prompt_columns",
    "with_context",
]

#: Columns of whole conversations.
CHATS = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "contents", "trajectory")
#: The names of the prompt, beside `prompt`.
ASKED = ("question", "instruction", "query", "problem", "input", "inputs", "context", "history", "post", "input_text")
#: Empty, they add nothing to an instruction.
_BESIDE = ("input", "context")
_SYSTEM = ("system", "system_prompt", "system_message", "systemInstruction", "system_instruction")
_IMAGES = ("chosen_image", "rejected_image")
_RESPONSES = ("chosen", "rejected", "completion")
_LISTS = ("completions", "responses")
_PROMPTS = ("prompt", "chosen_prompt", "rejected_prompt")


def is_chat(value: Any) -> bool:
    """Whether a value is a list of messages.

    Example:
        >>> is_chat([{"from": "human", "value": "Hi"}]), is_chat(["Hi"]), is_chat([])
        (True, False, False)
    """
    return isinstance(value, list | tuple) and bool(value) and all(is_message(turn) for turn in value)


def chat_of(row: Row) -> str | None:
    """The name of the row's column with a conversation, or None."""
    return next((name for name in CHATS if is_chat(row.get(name))), None)


def open_chat(row: Row) -> list[str]:
    """The row's column with a conversation that waits for an answer; none if the assistant has the last word.

    Example:
        >>> open_chat({"messages": [{"role": "user", "content": "Hi"}]})
        ['messages']
        >>> open_chat({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]})
        []
    """
    column = chat_of(row)
    return [] if column is None or _role(row[column][-1]) == "assistant" else [column]


def prompt_columns(row: Row) -> list[str]:
    """The columns that could be the prompt, without those that repeat another.

    Example:
        >>> prompt_columns({"question": "2 + 2?", "query": "2 + 2?", "instruction": "Add.", "answer": "4"})
        ['question', 'instruction']
    """
    found: list[str] = []
    for name in ASKED:
        value = row.get(name)
        usable = (isinstance(value, str) and value.strip()) or is_chat(value)
        if usable and value not in [row[other] for other in found]:
            found.append(name)
    return found or open_chat(row)


def has_prompt(row: Row) -> bool:
    """Whether a row has a prompt under one of its names.

    Example:
        >>> has_prompt({"question": "2 + 2?"}), has_prompt({"chosen": "4"})
        (True, False)
    """
    return filled(row, "prompt") or bool(prompt_columns(row))


def asked(row: Row, source: Source) -> tuple[Any, tuple[str, ...]]:
    """The prompt of a row, and the columns that it stands in.

    ``instruction`` and ``input`` are joined by a line break, as LLaMA-Factory joins them; so are ``instruction`` and
    ``context`` of Dolly, whose columns are also ``response`` and ``category``.

    Raises:
        DataError: several columns could be the prompt.

    Example:
        >>> asked({"instruction": "Translate.", "input": "Good day"}, Source())
        ('Translate.\\nGood day', ('instruction', 'input'))
        >>> asked({"prompt": "2 + 2?", "input": "x"}, Source())
        ('2 + 2?', ('prompt',))
    """
    if filled(row, "prompt"):
        return row["prompt"], ("prompt",)
    found = prompt_columns(row)
    both = {"instruction", "context" if {"response", "category"} <= set(row) else "input"}
    if set(found) == both and all(isinstance(row[name], str) for name in found):
        first, second = sorted(both, reverse=True, key=lambda name: name == "instruction")
        return f"{row[first]}\n{row[second]}", (first, second)
    if len(found) > 1:
        names = " and ".join(map(repr, found))
        joined = "\\n\\n".join(f"{{{name}}}" for name in found)
        raise DataError(
            f"Several columns could be the prompt: {names}.",
            where=str(source),
            fix=f"Choose: {', or '.join(f'--map prompt={name}' for name in found)}; "
            f'or join them: --map prompt="{joined}".',
        )
    if not found:
        return None, ()
    text = row[found[0]]
    used = [name for name in ASKED if name in row and (row[name] == text or (name in _BESIDE and empty(row[name])))]
    return text, tuple(dict.fromkeys([*found, *used]))


def context_columns(row: Row) -> tuple[str, ...]:
    """The row's columns with a system text or an earlier conversation."""
    if any(name in row for name in _IMAGES) or ("image" in row and not any(name in row for name in _RESPONSES)):
        return ()
    return (*_systems(row), *(["history"] if _past(row.get("history")) else []))


def _systems(row: Row) -> dict[str, str]:
    """The columns with a system text, and the text."""
    texts = {name: _system_text(row[name]) for name in _SYSTEM if name in row}
    return {name: text for name, text in texts.items() if text is not None and text.strip()}


def _system_text(value: Any) -> str | None:
    """A system text, also as a message, or as parts of text (Bedrock, Gemini); None for anything else."""
    if isinstance(value, str):
        written = literal(value)
        return value if written is NOT_READ or (found := _system_text(written)) is None else found
    if isinstance(value, Mapping):
        value = value.get("parts", value.get("content", [value]))
    if isinstance(value, list | tuple) and value:
        parts = [each.get("text") if isinstance(each, Mapping) else each for each in value]
        return "".join(parts) if all(isinstance(part, str) for part in parts) else None  # type: ignore[arg-type]
    return value if isinstance(value, str) else None


def _past(value: Any) -> list[dict[str, Any]]:
    """Earlier turns, from messages or from pairs of question and answer."""
    if is_chat(value):
        return [dict(turn) for turn in value]
    if not isinstance(value, list | tuple) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in value
    ):
        return []
    return [
        {"role": role, "content": text}
        for pair in value
        for role, text in zip(("user", "assistant"), pair, strict=True)
        if not empty(text)
    ]


def with_context(row: Row, source: Source) -> dict[str, Any]:
    """A row whose system text and history stand in its conversation; a prompt that is text becomes a user turn.

    Raises:
        DataError: there are several system texts.

    Example:
        >>> with_context({"system": "Be brief.", "prompt": "Hi", "completion": "Hello!"}, Source())["prompt"]
        [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Hi'}]
    """
    systems = _systems(row)
    if len(set(systems.values())) > 1:
        raise _several(map(repr, systems), source)
    opening = [{"role": "system", "content": text} for text in list(systems.values())[:1]]
    past = _past(row.get("history"))
    used = [name for name in _SYSTEM if name in systems or (name in row and empty(row[name]))]
    kept = unnamed(row, [*used, *(["history"] if past or row.get("history") == [] else [])])
    placed = _placed(kept, lambda turns, name: _behind(opening, past, turns, name, source))
    # Where nothing can take it, the text stays in its column and is reported there.
    return kept | placed if placed or not (opening or past) else dict(row)


def _placed(row: Row, led: Callable[[Any, str], list[Any]]) -> dict[str, Any]:
    """The columns of a row that take what opens the conversation, with it in front."""
    found: dict[str, Any] = {}
    answers = [name for name in _RESPONSES if row.get(name) is not None]
    for name in answers:
        if is_chat(row[name]) and _opens(row[name]):
            found[name] = led(row[name], name)
    for name in _LISTS:
        given = row.get(name)
        if isinstance(given, list | tuple) and any(is_chat(each) and _opens(each) for each in given):
            found[name] = [led(each, name) if is_chat(each) and _opens(each) else each for each in given]
    if not answers:
        found |= {name: led(row[name], name) for name in CHATS if is_chat(row.get(name))}
    repeated = bool(found)
    for name in _PROMPTS:
        prompt = [row[name]] if is_message(row.get(name)) else row.get(name)
        if isinstance(prompt, str) and not repeated:
            prompt = [{"role": "user", "content": prompt}]
        if is_chat(prompt):
            found[name] = led(prompt, name)
    return found


def _opens(turns: Any) -> bool:
    """Whether a conversation begins with a turn that is no answer."""
    return _role(turns[0]) in NOT_ANSWERING


def _role(turn: Row) -> str:
    role = turn.get("role") or turn.get("from") or turn.get("author")
    return normal_role(role) if isinstance(role, str) else ""


def _behind(opening: list[Any], past: list[Any], turns: Any, name: str, source: Source) -> list[Any]:
    """A conversation behind the system text and the earlier turns."""
    own = [turn for turn in turns[:1] if _role(turn) == "system"]
    if own and opening:
        text = own[0].get("content", own[0].get("value"))
        if text != opening[0]["content"]:
            raise _several(["'system'", f"the first turn of {name!r}"], source)
    return [*(own or opening), *past, *turns[len(own) :]]


def _several(names: Iterable[str], source: Source) -> DataError:
    return DataError(
        f"There are two different system texts: {' and '.join(names)}.",
        where=str(source),
        fix="Remove one of them from the record.",
    )
