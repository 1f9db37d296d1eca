"""Layouts of two numbered or lettered responses and a column that decides: ids, labels, strengths, winners, scores."""

from __future__ import annotations

from typing import Any

from penchant.errors import DataError, MisreadError
from penchant.feedback.known.layout import Layout, Row, figure, filled, ordered, shown, unnamed
from penchant.feedback.known.prompts import asked, is_chat
from penchant.feedback.known.winners import Sides, empty_winner, first_of_sides, sides_of, winner_column
from penchant.feedback.literals import NOT_READ, literal
from penchant.feedback.records import Source

__all__ = ["SIDES"]


def _from_sides(row: Row, source: Source, better: int | None, used: tuple[str, ...] = ()) -> dict[str, Any]:
    """The pair of two numbered or lettered responses, with their scores if the row has them; None is a tie."""
    sides = sides_of(row)
    assert sides is not None
    scores = _score_columns(row, sides) or ("", "")
    values = tuple(figure(row[name], name, source) for name in scores) if all(scores) else None
    given = (row[sides.names[0]], row[sides.names[1]])
    prompt, names = asked(row, source)
    kept = unnamed(row, [*names, *sides.names, *(scores if values else []), *used])
    pair = ordered(given, better, values)  # type: ignore[arg-type]
    return {**kept, **({} if prompt is None else {"prompt": prompt}), **pair}


def _score_columns(row: Row, sides: Sides) -> tuple[str, ...]:
    """The columns with a number for each of two responses; empty if there are none."""
    possible = [tuple(f"{stem}{end}" for end in sides.ends) for stem in ("score", "votes")]
    possible += [tuple(f"{name}_{stem}" for name in sides.names) for stem in ("rating", "score", "votes")]
    return next((names for names in possible if filled(row, *names)), ())


def _id(column: str) -> Any:
    def convert(row: Row, source: Source) -> dict[str, Any]:
        return _from_sides(row, source, _first_of(row, column, {0.0: 0, 1.0: 1}, "0 or 1", source), (column,))

    return convert


def _first_of(row: Row, column: str, places: dict[float, int], expected: str, source: Source) -> int:
    """Which response a column of two numbers prefers.

    Raises:
        DataError: it holds neither of them.
        MisreadError: it holds a 2, so that the responses are counted from 1.
    """
    value = figure(row[column], column, source)
    better = places.get(value)
    if better is None:
        if value == 2:
            raise MisreadError(
                f"{shown(column, row[column])}, expected {expected}.",
                where=str(source),
                why=f"If {column!r} counts from 1, every 1 would be read as the other response.",
                fix="Subtract 1 from it in every record.",
            )
        raise DataError(
            f"Neither response is preferred ({shown(column, row[column])}, expected {expected}).",
            where=str(source),
            fix="Remove the record.",
        )
    return better


def _is_web_gpt(row: Row) -> bool:
    return filled(row, "question", "answer_0", "answer_1", "score_0", "score_1")


def _from_web_gpt(row: Row, source: Source) -> dict[str, Any]:
    question = row["question"]
    if isinstance(question, str) and (written := literal(question)) is not NOT_READ:
        question = written
    text = question.get("full_text") if isinstance(question, dict) else row["question"]
    return _by_scores({**row, "question": text}, source)


def _by_scores(row: Row, source: Source) -> dict[str, Any]:
    sides = sides_of(row)
    assert sides is not None
    first, second = (figure(row[name], name, source) for name in _score_columns(row, sides))
    better = None if first == second else int(second > first)
    return _from_sides(row, source, better)


def _has_scores(row: Row) -> bool:
    sides = sides_of(row)
    return sides is not None and bool(_score_columns(row, sides))


def _is_shp(row: Row) -> bool:
    return filled(row, "history", "human_ref_A", "human_ref_B", "labels")


def _from_shp(row: Row, source: Source) -> dict[str, Any]:
    better = _first_of(row, "labels", {1.0: 0, 0.0: 1}, "1 (A) or 0 (B)", source)
    return _from_sides(row, source, better, ("labels",))


_STRENGTHS = ("preference_strength", "overall_preference")


def _is_strength(row: Row) -> bool:
    sides = sides_of(row)
    return sides is not None and sides.ends[0].strip("_") == "1" and any(filled(row, name) for name in _STRENGTHS)


def _from_strength(row: Row, source: Source) -> dict[str, Any]:
    column = next(name for name in _STRENGTHS if filled(row, name))
    value = figure(row[column], column, source)
    return _from_sides(row, source, None if value == 0 else int(value > 0))


def _is_arena(row: Row) -> bool:
    if sides_of(row) is None:
        return False
    return winner_column(row) is not None or (empty_winner(row) is not None and not _has_scores(row))


def _from_arena(row: Row, source: Source) -> dict[str, Any]:
    if (column := empty_winner(row)) is not None:
        raise DataError(
            f"{column!r} is empty, so that neither response is preferred.",
            where=str(source),
            fix="Remove the record, or write 'tie'; --kind prompt reads the prompts alone.",
        )
    better, used = first_of_sides(row, source)
    return _from_sides(_judged_turns(_last_turns(row)), source, better, used)


def _judged_turns(row: Row) -> dict[str, Any]:
    """A row whose conversations end with the turn that was judged, where ``turn`` counts it (MT-Bench)."""
    sides = sides_of(row)
    assert sides is not None
    written, chats = str(row.get("turn", "")), [row[name] for name in sides.names]
    turn = int(written) if written.isdecimal() else 0
    if turn < 1 or not all(is_chat(each) and len(each) > 2 * turn for each in chats):
        return dict(row)
    return {**row, **{name: each[: 2 * turn] for name, each in zip(sides.names, chats, strict=True)}}


def _last_turns(row: Row) -> dict[str, Any]:
    """A row whose prompts and responses are lists of texts, one per turn, with conversations instead."""
    sides = sides_of(row)
    assert sides is not None
    prompts, answers = row.get("prompt"), [row[name] for name in sides.names]
    lists = [each for each in (prompts, *answers) if isinstance(each, list | tuple) and not is_chat(each)]
    if len(lists) < 3 or {len(each) for each in lists} != {len(lists[0])} or not isinstance(prompts, list | tuple):
        return dict(row)
    chats = [
        [
            {"role": role, "content": text}
            for pair in zip(prompts, answer, strict=True)
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
        for answer in answers
    ]
    return {**unnamed(row, ["prompt"]), **dict(zip(sides.names, chats, strict=True))}


SIDES = (
    Layout(
        name="PKU-SafeRLHF",
        columns="`prompt`, `response_0`, `response_1`, `better_response_id`, `safer_response_id`",
        kind="comparison",
        says="better_response_id decides (--map better_response_id=safer_response_id for the safer one)",
        matches=lambda row: filled(row, "response_0", "response_1", "better_response_id"),
        convert=_id("better_response_id"),
    ),
    Layout(
        name="PKU-SafeRLHF, safety only",
        columns="`prompt`, `response_0`, `response_1`, `safer_response_id`",
        kind="comparison",
        says="safer_response_id decides",
        matches=lambda row: filled(row, "response_0", "response_1", "safer_response_id"),
        convert=_id("safer_response_id"),
    ),
    Layout(
        name="SHP",
        columns="`history`, `human_ref_A`, `human_ref_B`, `labels`, `score_A`, `score_B`",
        kind="comparison",
        says="labels decides (1: A is better)",
        matches=_is_shp,
        convert=_from_shp,
    ),
    Layout(
        name="WebGPT",
        columns="`question` (text, or an object with `full_text`), `answer_0`, `answer_1`, `score_0`, `score_1`",
        kind="comparison",
        says="the higher score is the better answer; equal scores are a tie",
        matches=_is_web_gpt,
        convert=_from_web_gpt,
    ),
    Layout(
        name="HelpSteer preference",
        columns="`prompt` or `context`, `response_1`, `response_2`, `preference_strength` or `overall_preference`",
        kind="comparison",
        says="the strength decides (negative: response 1 is better; 0: a tie)",
        matches=_is_strength,
        convert=_from_strength,
    ),
    Layout(
        name="A/B table with a winner",
        used_by="chatbot arenas, MT-Bench judgements (of conversations the first `turn` exchanges)",
        columns="`prompt`, `response_a`, `response_b` (or `answer_`, `completion_`, `conversation_`, ...; also "
        "`_0`/`_1`, `_1`/`_2`, `_left`/`_right`); `winner` (or `preference`, `preferred`, `choice`, `better`, `label`, "
        "`comparison`), or "
        "`winner_model_a`, `winner_model_b`, `winner_tie`",
        kind="comparison",
        says="the winner decides; a tie has the probability ½",
        matches=_is_arena,
        convert=_from_arena,
    ),
    Layout(
        name="A/B table with votes or scores",
        used_by="Unified-Feedback",
        columns="`prompt`, `response_a`, `response_b`, `votes_a`, `votes_b` (or `score_a`, `score_b`; "
        "`conv_A`, `conv_B`, `conv_A_rating`, `conv_B_rating`; also `_0`/`_1`, `_1`/`_2`)",
        kind="comparison",
        says="the higher number decides; a tie has the probability ½",
        matches=_has_scores,
        convert=_by_scores,
    ),
)
