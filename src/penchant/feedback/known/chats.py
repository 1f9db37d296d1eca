"""Layouts of conversations: OpenAI, ShareGPT, axolotl's chat templates, ms-swift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from penchant.feedback.known.layout import Layout, Row, are_texts, filled, unnamed
from penchant.feedback.known.prompts import CHATS, chat_of, has_prompt, is_chat, open_chat
from penchant.feedback.known.singles import LABELS, label_column
from penchant.feedback.known.winners import sides_of
from penchant.feedback.literals import literal
from penchant.feedback.records import Source

__all__ = ["CHAT_LAYOUTS"]

#: Beside one of these, a list of texts is no whole conversation.
_ANSWERS = ("prompt", "chosen", "rejected", "completion", "completions", "response", "responses", "output", "answer")
#: Columns that answer a conversation which ends with a turn of the user.
_ANSWERS_BESIDE = ("response", "output", "generation", "responses", "answers", "generations", "outputs", "candidates")
_WORSE = ("rejected_response", "rejected_messages")


def _is_open_ai(row: Row) -> bool:
    given = row.get("input")
    return isinstance(given, Mapping) and is_chat(given.get("messages")) and filled(row, "preferred_output")


def _from_open_ai(row: Row, _source: Source) -> dict[str, Any]:
    given = dict(row["input"])
    rest = unnamed(row, ["input", "preferred_output", "non_preferred_output"])
    pair = {"chosen": row["preferred_output"], "rejected": row.get("non_preferred_output")}
    return {**unnamed(given, ["messages"]), **rest, "prompt": given["messages"], **pair}


def _candidates(row: Row) -> dict[str, Any] | None:
    """The two candidates of the last turn by their labels, in the layout of Amazon Nova."""
    turns = row.get("messages")
    last = turns[-1] if isinstance(turns, list | tuple) and turns else None
    given = last.get("candidates") if isinstance(last, Mapping) else None
    if not isinstance(given, list | tuple) or not all(isinstance(each, Mapping) for each in given):
        return None
    found = {str(each.get("preferenceLabel")).lower(): each.get("content") for each in given}
    return found if set(found) == {"preferred", "non-preferred"} and len(given) == 2 else None


def _from_candidates(row: Row, _source: Source) -> dict[str, Any]:
    found = _candidates(row) or {}
    pair = {
        side: {"role": "assistant", "content": found[label]}
        for side, label in (("chosen", "preferred"), ("rejected", "non-preferred"))
    }
    return {"prompt": row["messages"][:-1], **unnamed(row, ["messages"]), **pair}


def _is_pair(row: Row) -> bool:
    several = are_texts(row.get("rejected"))
    return chat_of(row) is not None and filled(row, "chosen", "rejected") and not several and "prompt" not in row


def _from_pair(row: Row, _source: Source) -> dict[str, Any]:
    column = chat_of(row)
    assert column is not None
    rest = unnamed(row, [column])
    # Sets with whole conversations repeat the chosen one as messages.
    return rest if row[column] == row["chosen"] else {**rest, "prompt": row[column]}


def _worse(row: Row) -> str | None:
    return next((name for name in _WORSE if filled(row, name)), None)


def _is_swift(row: Row) -> bool:
    return chat_of(row) is not None and _worse(row) is not None


def _from_swift(row: Row, _source: Source) -> dict[str, Any]:
    column, worse = chat_of(row), _worse(row)
    assert column is not None and worse is not None
    *history, better = row[column]
    rejected = row[worse]
    if isinstance(rejected, str):
        rejected = [{"role": "assistant", "content": rejected}]
    return {"prompt": history, **unnamed(row, [column, worse]), "chosen": [better], "rejected": rejected}


def _is_swift_query(row: Row) -> bool:
    return filled(row, "query", "response", "rejected_response")


def _from_swift_query(row: Row, _source: Source) -> dict[str, Any]:
    rest = unnamed(row, ["query", "response", "rejected_response"])
    return {"prompt": row["query"], **rest, "chosen": row["response"], "rejected": row["rejected_response"]}


def _is_whole(row: Row) -> bool:
    """A conversation under another name than ``messages``, or with another name for its label."""
    column = chat_of(row)
    if column is None or any(name in row for name in ("prompt", "chosen", "rejected", "completion", "completions")):
        return False
    if column == "messages" and label_column(row) in (None, "label"):
        return False
    # A conversation that waits may be answered in a column of its own.
    answered = any(filled(row, name) for name in _ANSWERS_BESIDE) or sides_of(row) is not None
    return not (answered and open_chat(row))


def _from_whole(row: Row, _source: Source) -> dict[str, Any]:
    column, label = chat_of(row), label_column(row)
    assert column is not None
    rest = unnamed(row, [column, *LABELS])
    return {"messages": row[column], **rest, **({} if label is None else {"label": row[label]})}


def _untold(row: Row) -> str | None:
    """The column with a conversation as texts, without roles."""
    if any(name in row for name in _ANSWERS) or label_column(row) is not None:
        return None
    # A column called data may hold anything.
    names = (*CHATS, "data") if not has_prompt(row) else CHATS
    return next((name for name in names if are_texts(row.get(name)) and len(row[name]) > 1), None)


def _is_untold(row: Row) -> bool:
    return _untold(row) is not None


def _from_untold(row: Row, _source: Source) -> dict[str, Any]:
    column = _untold(row)
    assert column is not None
    turns = [{"role": role, "content": text} for role, text in zip(cycle(("user", "assistant")), row[column])]
    return {"messages": turns, **unnamed(row, [column])}


def _told_in_pairs(row: Row) -> tuple[str, Sequence[Row]] | None:
    """The column with a conversation as objects, each a question and its answer, and these objects."""
    if any(name in row for name in _ANSWERS):
        return None
    for name in CHATS:
        value = row.get(name)
        given = literal(value) if isinstance(value, str) and value[:1] == "[" else value
        if isinstance(given, list | tuple) and given and all(_is_exchange(each) for each in given):
            return name, given
    return None


def _is_exchange(value: Any) -> bool:
    return isinstance(value, Mapping) and "input" in value and "output" in value


def _from_pairs(row: Row, _source: Source) -> dict[str, Any]:
    column, pairs = _told_in_pairs(row) or ("", [])
    sides = (("user", "input"), ("assistant", "output"))
    turns = [{"role": role, "content": pair[name]} for pair in pairs for role, name in sides]
    return {"messages": turns, **unnamed(row, [column])}


def _is_completion(row: Row) -> bool:
    """A conversation, and the answer to it in a column of its own."""
    column = chat_of(row)
    return column is not None and "prompt" not in row and filled(row, "completion")


def _from_completion(row: Row, _source: Source) -> dict[str, Any]:
    column, label = chat_of(row), label_column(row)
    assert column is not None
    rest = unnamed(row, [column, *(LABELS if label else ())])
    return {"prompt": row[column], **rest, **({} if label is None else {"label": row[label]})}


CHAT_LAYOUTS = (
    Layout(
        name="conversation with candidates",
        used_by="Amazon Nova preference tuning",
        columns="`messages`, whose last turn has `candidates`: two objects with `content` and `preferenceLabel` "
        "(preferred, non-preferred); also `system`",
        kind="comparison",
        matches=lambda row: _candidates(row) is not None,
        convert=_from_candidates,
    ),
    Layout(
        name="OpenAI preference",
        used_by="OpenAI, Azure",
        columns="`input` (`messages`, `tools`), `preferred_output`, `non_preferred_output`",
        kind="comparison",
        matches=_is_open_ai,
        convert=_from_open_ai,
    ),
    Layout(
        name="ms-swift preference",
        columns="`messages`, `rejected_response` (or `rejected_messages`)",
        kind="comparison",
        says="the last turn of messages is the chosen response",
        matches=_is_swift,
        convert=_from_swift,
    ),
    Layout(
        name="ms-swift preference, older form",
        columns="`query`, `response`, `rejected_response`; also `system`, `history`",
        kind="comparison",
        matches=_is_swift_query,
        convert=_from_swift_query,
    ),
    Layout(
        name="conversation and pair",
        used_by="LLaMA-Factory ShareGPT preference, axolotl chat_template.default, UltraInteract",
        columns="`conversations`, `messages` or `trajectory` (the history); `chosen`, `rejected` (a message, messages "
        "or text); also `system`, `tools`",
        kind="comparison",
        matches=_is_pair,
        convert=_from_pair,
    ),
    Layout(
        name="conversation and completion",
        columns="`conversations` or `messages` (the history), `completion`; `label` or `kto_tag` for a judgement",
        kind="demonstration or judgement",
        matches=_is_completion,
        convert=_from_completion,
    ),
    Layout(
        name="ShareGPT",
        used_by="LLaMA-Factory ShareGPT SFT and KTO, Gemini",
        columns="`conversations` (`from`, `value`), or `conversation`, `dialogue`, `chat`, `contents` (`role`, "
        "`parts`); `kto_tag` for a judgement; also `system`, `tools`",
        kind="demonstration or judgement",
        says="the last turn is the response",
        matches=_is_whole,
        convert=_from_whole,
    ),
    Layout(
        name="conversation without roles",
        used_by="LIMA, UltraChat",
        columns="`conversations`, `messages`, `dialogue` or `data`: a list of texts",
        kind="demonstration",
        says="user and assistant speak in turn, the user first",
        matches=_is_untold,
        convert=_from_untold,
    ),
    Layout(
        name="conversation of inputs and outputs",
        used_by="Capybara",
        columns="`conversation` (or another name of a conversation): objects with `input`, `output`",
        kind="demonstration",
        says="the last output is the response",
        matches=lambda row: _told_in_pairs(row) is not None,
        convert=_from_pairs,
    ),
)
