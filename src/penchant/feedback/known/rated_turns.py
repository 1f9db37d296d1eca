"""Layouts of conversations with several scored answers to a turn, one of which was chosen to go on with (PRISM)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penchant.errors import DataError
from penchant.feedback.kept import Kept
from penchant.feedback.known.layout import Gathered, Layout, Placed, Row, Rows, figure, filled
from penchant.feedback.records import Source

__all__ = ["RATED_TURNS"]

_ALONE = "turns with a single answer"
_LOST = "turns behind one without a chosen answer"


def _is_conversation(row: Row) -> bool:
    turns = row.get("conversation_history")
    if not isinstance(turns, list | tuple) or not turns or not all(isinstance(each, Mapping) for each in turns):
        return False
    numbered = all({"turn", "role", "content"} <= set(each) and str(each["turn"]).isdecimal() for each in turns)
    return numbered and any("if_chosen" in each for each in turns)


def _is_utterance(row: Row) -> bool:
    texts = all(isinstance(row.get(name), str) for name in ("user_prompt", "model_response"))
    there = texts and filled(row, "conversation_id", "turn", "score") and "if_chosen" in row
    return there and str(row["turn"]).isdecimal()


def _from_conversations(rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]) -> Gathered:
    left: Counter[str] = Counter()
    found: Kept[Placed] = Kept()
    read = 0
    for at, row in rows:
        if isinstance(row, DataError) or not matches(row):
            found.append((at, row))
            continue
        read += 1
        exchanges: dict[int, dict[str, Any]] = {}
        for each in row["conversation_history"]:
            exchange = exchanges.setdefault(int(each["turn"]), {"answers": []})
            if each["role"] == "user":
                exchange["user"] = each["content"]
            else:
                exchange["answers"].append(each)
        found.extend((at, each) for each in _rankings(exchanges, sources[at], left))
    return Gathered(found, read, +left)


def _from_utterances(rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]) -> Gathered:
    left: Counter[str] = Counter()
    talks: dict[str, dict[int, dict[str, Any]]] = {}
    first: dict[str, int] = {}
    read = 0
    for at, row in rows:
        if isinstance(row, dict) and matches(row):
            read += 1
            name = str(row["conversation_id"])
            first.setdefault(name, at)
            exchanges = talks.setdefault(name, dict[int, dict[str, Any]]())
            exchange = exchanges.setdefault(int(row["turn"]), {"user": row["user_prompt"], "answers": []})
            answer: dict[str, Any] = {"content": row["model_response"]}
            answer |= {key: row[key] for key in ("score", "if_chosen", "model_name") if key in row}
            exchange["answers"].append(answer)
    found: list[Placed] = [(at, row) for at, row in rows if isinstance(row, DataError) or not matches(row)]
    for name, exchanges in talks.items():
        found += [(first[name], each) for each in _rankings(exchanges, sources[first[name]], left)]
    return Gathered(Kept(sorted(found, key=lambda each: each[0])), read, +left)


def _rankings(
    exchanges: Mapping[int, Mapping[str, Any]], source: Source, left: Counter[str]
) -> list[dict[str, Any] | DataError]:
    """The answers to each turn as a ranking; before it stand the user's turns and the chosen answers."""
    found: list[dict[str, Any] | DataError] = []
    turns: list[dict[str, Any]] = []
    for number in sorted(exchanges):
        answers = exchanges[number]["answers"]
        asked = [*turns, {"role": "user", "content": exchanges[number].get("user")}]
        scored = [each for each in answers if each.get("score") is not None]
        if len(scored) > 1:
            try:
                entries = [_entry(each, source) for each in scored]
                found.append({"prompt": asked, "completions": entries})
            except DataError as error:
                found.append(error)
        else:
            left[_ALONE] += 1
        chosen = [each for each in answers if each.get("if_chosen") in (True, 1, "True", "true")]
        if len(chosen) != 1:
            left[_LOST] += sum(later > number for later in exchanges)
            break
        turns = [*asked, {"role": "assistant", "content": chosen[0]["content"]}]
    return found


def _entry(answer: Mapping[str, Any], source: Source) -> dict[str, Any]:
    return {"text": answer["content"], "score": figure(answer["score"], "score", source)}


RATED_TURNS = (
    Layout(
        name="conversations with scored answers",
        used_by="PRISM, conversations",
        columns="`conversation_history`: objects with `turn`, `role`, `content`, and of a model `score`, `if_chosen`",
        kind="ranking",
        says="the answers to a turn are a ranking by score; the chosen answers to the turns before are the history",
        matches=_is_conversation,
        gather=_from_conversations,
    ),
    Layout(
        name="utterances with scores",
        used_by="PRISM, utterances",
        columns="`conversation_id`, `turn`, `user_prompt`, `model_response`, `score`, `if_chosen`: one response a row",
        kind="ranking",
        says="the answers to a turn are a ranking by score; the chosen answers to the turns before are the history",
        matches=_is_utterance,
        gather=_from_utterances,
    ),
)
