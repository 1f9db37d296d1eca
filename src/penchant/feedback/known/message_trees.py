"""Message trees of OpenAssistant, whole or as one row per message: ranked answers to one message are a ranking."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from penchant.errors import DataError
from penchant.feedback.kept import Kept
from penchant.feedback.known.layout import Gathered, Layout, Placed, Row, Rows, empty, figure, filled, object_in
from penchant.feedback.records import Source
from penchant.feedback.roles import normal_role
from penchant.feedback.values import wrong

__all__ = ["MESSAGE_TREES"]

#: Columns of a message or of its tree that a record keeps.
_KEPT = ("message_tree_id", "parent_id", "lang", "split")
_DELETED, _ORPHAN = "deleted answers", "answers whose conversation is not in the data"
_UNRANKED, _ALONE = "answers without a rank", "answers without a second ranked answer to the same message"


@dataclass(frozen=True)
class _Message:
    """A message: the number of its row, its id and that of the message before it, and what says its content.

    The content of a row is read again when it is needed, so that only ids are in memory.
    """

    at: int
    id: str
    parent: str | None
    role: str
    reason: str | None
    read: Callable[[], Row]

    @property
    def row(self) -> Row:
        return self.read()

    def turn(self, source: Source) -> dict[str, Any]:
        text = self.row.get("text")
        if not isinstance(text, str):
            raise wrong("text", text, "the text of a message", source)
        return {"role": self.role, "content": text}


def _message(at: int, row: Row, place: str, parent: str | None, read: Callable[[], Row]) -> _Message:
    deleted = row.get("deleted") in (True, "true", "True")
    reason = _DELETED if deleted else _UNRANKED if empty(row.get("rank")) else None
    return _Message(at, place, parent, normal_role(str(row.get("role"))), reason, read)


def _is_message(row: Row) -> bool:
    return filled(row, "message_id", "text", "role") and normal_role(str(row["role"])) in ("user", "assistant")


def _is_flat(row: Row) -> bool:
    return "parent_id" in row and _is_message(row)


def _is_tree(row: Row) -> bool:
    first = object_in(row.get("prompt"))
    return isinstance(first.get("replies"), list | tuple) and isinstance(first.get("text"), str)


def _from_trees(rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]) -> Gathered:
    """The ranked answers of every tree, one tree after the other."""
    found: Kept[Placed] = Kept()
    left: Counter[str] = Counter()
    first: int | None = None
    count = 0
    for at, row in rows:
        if isinstance(row, DataError) or not matches(row):
            found.append((at, row))
            continue
        first, count = at if first is None else first, count + 1
        messages = {each.id: each for each in _messages_of(at, row)}
        groups, without = _groups(messages)
        found.extend(_rankings(groups, messages, sources))
        left += without
    if first is not None and not found:
        found.append((first, _nothing(left, sources[first])))
    return Gathered(found, count, left)


def _from_messages(rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]) -> Gathered:
    """The ranked answers among messages, whose conversations are joined by ``parent_id``."""
    others: list[Placed] = []
    messages: dict[str, _Message] = {}
    for number, (at, row) in enumerate(rows):
        if isinstance(row, DataError) or not matches(row):
            others.append((at, row))
            continue
        name = str(row["message_id"])
        if name in messages:
            others.append((at, _twice(name, sources[messages[name].at], sources[at])))
            continue
        parent = None if empty(row["parent_id"]) else str(row["parent_id"])
        messages[name] = _message(at, row, name, parent, partial(_row_of, rows, number))
    groups, left = _groups(messages)
    found: Kept[Placed] = Kept(heapq.merge(others, _rankings(groups, messages, sources), key=lambda each: each[0]))
    if not found:
        found.append((0, _nothing(left, sources[0])))
    return Gathered(found, len(messages), left)


def _row_of(rows: Rows, number: int) -> Row:
    row = rows[number][1]
    assert isinstance(row, dict)
    return row


def _messages_of(at: int, row: Row) -> Iterator[_Message]:
    """The messages of a tree, each before its replies; an id is its place, so that trees may repeat ids."""
    about = {name: row[name] for name in _KEPT if not empty(row.get(name))}
    waiting: list[tuple[Any, str, str | None]] = [(object_in(row["prompt"]), str(at), None)]
    while waiting:
        node, place, parent = waiting.pop(0)
        if isinstance(node, Mapping):
            own = {**about, **node}
            yield _message(at, own, place, parent, partial(dict, own))
            replies = node.get("replies") or ()
            waiting += [(reply, f"{place}.{number}", place) for number, reply in enumerate(replies)]


def _twice(name: str, other: Source, source: Source) -> DataError:
    return DataError(
        f"The message {name!r} occurs a second time; the first is {other}.",
        where=str(source),
        why="Conversations are joined by the ids of their messages.",
        fix="Remove one of the two.",
    )


def _nothing(left: Mapping[str, int], source: Source) -> DataError:
    counts = ", ".join(f"{count} {what}" for what, count in left.items()) or "no answers"
    return DataError(
        f"No message has two ranked answers: {counts}.",
        where=source.file,
        why="Answers of OpenAssistant trees are compared by 'rank' with others to the same message.",
        fix="To imitate the answers, write each conversation as a row with 'messages'.",
    )


def _groups(messages: Mapping[str, _Message]) -> tuple[list[list[_Message]], Counter[str]]:
    """The ranked answers to every message with at least two, in the order of their rows, and what was left out."""
    left: Counter[str] = Counter()
    groups: dict[str, list[_Message]] = {}
    for each in messages.values():
        if each.role != "assistant":
            continue
        reason = _left_out(each, messages)
        if reason:
            left[reason] += 1
        else:
            groups.setdefault(str(each.parent), []).append(each)
    left[_ALONE] += sum(len(answers) < 2 for answers in groups.values())
    found = [answers for answers in groups.values() if len(answers) > 1]
    return sorted(found, key=_first), +left


def _first(answers: Sequence[_Message]) -> int:
    return min(each.at for each in answers)


def _rankings(
    groups: Iterable[Sequence[_Message]], messages: Mapping[str, _Message], sources: Sequence[Source]
) -> Iterator[Placed]:
    """A ranking of the answers to each message, or the error of one that cannot be read."""
    for answers in groups:
        try:
            yield _first(answers), _ranking(answers, messages, sources)
        except DataError as error:
            yield _first(answers), error


def _left_out(answer: _Message, messages: Mapping[str, _Message]) -> str | None:
    """Why an answer is in no ranking, or None."""
    if answer.reason is not None:
        return answer.reason
    before, seen = answer, {answer.id}
    while before.parent is not None:
        if before.parent not in messages or before.parent in seen:
            return _ORPHAN
        before = messages[before.parent]
        seen.add(before.id)
    return None if before.role == "user" else _ORPHAN


def _ranking(
    answers: Sequence[_Message], messages: Mapping[str, _Message], sources: Sequence[Source]
) -> dict[str, Any]:
    first = answers[0]
    turns: list[dict[str, Any]] = []
    before = messages[str(first.parent)]
    while True:
        turns.insert(0, before.turn(sources[before.at]))
        if before.parent is None:
            break
        before = messages[before.parent]
    row = first.row
    about = {name: row[name] for name in _KEPT if not empty(row.get(name))}
    return {"prompt": turns, **about, "completions": [_entry(each, sources[each.at]) for each in answers]}


def _entry(answer: _Message, source: Source) -> dict[str, Any]:
    """An answer with its rank from 1; OpenAssistant counts from 0."""
    row = answer.row
    rank = figure(row["rank"], "rank", source) + 1
    own = row.get("message_id")
    about = {} if empty(own) else {"message_id": own}
    return {"text": answer.turn(source)["content"], "rank": rank, **about}


MESSAGE_TREES = (
    Layout(
        name="OpenAssistant trees",
        used_by="OASST",
        columns="`prompt`: an object with `text`, `role` and `replies`, each of them with `text`, `role`, `rank`, "
        "`replies`",
        kind="ranking",
        says="the ranked answers to one message are a ranking, rank 0 is the best; the messages before them are the "
        "prompt; answers without a rank are left out and counted",
        matches=_is_tree,
        gather=_from_trees,
    ),
    Layout(
        name="OpenAssistant messages",
        used_by="OASST, one row per message",
        columns="`message_id`, `parent_id`, `text`, `role` (prompter, assistant), `rank`",
        kind="ranking",
        says="rows are joined by parent_id; the ranked answers to one message are a ranking, rank 0 is the best; "
        "answers without a rank are left out and counted",
        matches=_is_flat,
        gather=_from_messages,
    ),
)
