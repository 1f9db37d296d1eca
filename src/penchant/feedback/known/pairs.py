"""Layouts of pairs whose columns say which response is the better one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from penchant.errors import DataError
from penchant.feedback.known.layout import Layout, Row, are_texts, filled, unnamed
from penchant.feedback.known.prompts import CHATS, asked, has_prompt, is_chat
from penchant.feedback.messages import is_message
from penchant.feedback.records import Source
from penchant.feedback.roles import normal_role

__all__ = ["PAIRS"]

_STEMS = (
    "response", "answer", "completion", "output", "text", "generation", "reply", "summary", "messages", "conversation",
)  # fmt: skip
#: Words for the better and the worse of two.
_SIDES = (
    ("win", "lose"), ("winning", "losing"), ("winner", "loser"), ("better", "worse"), ("best", "worst"),
    ("good", "bad"), ("preferred", "unpreferred"), ("preferred", "nonpreferred"),
)  # fmt: skip
#: Alone, these may name models.
_ALSO_MODELS = (("winner", "loser"),)
_NAMED = (
    *(
        names
        for stem in _STEMS
        for names in (
            (f"chosen_{stem}", f"rejected_{stem}"),
            (f"{stem}_chosen", f"{stem}_rejected"),
            (f"preferred_{stem}", f"dispreferred_{stem}"),
            (f"preferred_{stem}", f"non_preferred_{stem}"),
            (f"accepted_{stem}", f"rejected_{stem}"),
            *(
                names
                for good, bad in _SIDES
                for names in ((f"{good}_{stem}", f"{bad}_{stem}"), (f"{stem}_{good}", f"{stem}_{bad}"))
            ),
            (f"{stem}_w", f"{stem}_l"),
        )
    ),
    *(names for names in _SIDES if names not in _ALSO_MODELS),
    ("y_w", "y_l"),
    ("yw", "yl"),
    ("preferred", "dispreferred"),
    ("preferred", "rejected"),
    ("accepted", "rejected"),
    ("response_j", "response_k"),
    ("good_edited_response", "bad_edited_response"),
    ("edited_response", "original_response"),
)


def _named(row: Row) -> tuple[str, str] | None:
    """Two columns named after their place in the pair."""
    return next((names for names in _named_columns(tuple(row)) if filled(row, *names)), None)


@lru_cache(maxsize=256)
def _named_columns(columns: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(names for names in _NAMED if set(names) <= set(columns))


def _is_named(row: Row) -> bool:
    names = None if "chosen" in row else _named(row)
    if names is None or not all(isinstance(row[name], str) or is_chat(row[name]) for name in names):
        return False
    return has_prompt(row) or is_chat(row[names[0]])


def _from_named(row: Row, source: Source) -> dict[str, Any]:
    chosen, rejected = _named(row) or ("chosen", "rejected")
    prompt, used = asked(row, source)
    pair = {"chosen": row[chosen], "rejected": row[rejected]}
    kept = unnamed(row, [*used, chosen, rejected])
    return {**kept, **({} if prompt is None else {"prompt": prompt}), **pair}


def _answers_only(value: Any) -> bool:
    """Whether a response is no conversation with its own history."""
    first = value[0] if is_chat(value) else value
    if not is_message(first):
        return isinstance(value, str)
    role = first.get("role") or first.get("from")
    return isinstance(role, str) and normal_role(role) not in ("user", "system", "developer")


def _is_instruction(row: Row) -> bool:
    both = filled(row, "chosen", "rejected") and _answers_only(row["chosen"]) and _answers_only(row["rejected"])
    return both and "prompt" not in row and not any(is_chat(row.get(name)) for name in CHATS) and has_prompt(row)


def _from_instruction(row: Row, source: Source) -> dict[str, Any]:
    prompt, used = asked(row, source)
    return {"prompt": prompt, **unnamed(row, used)}


def _is_many(row: Row) -> bool:
    better = row.get("chosen")
    return are_texts(row.get("rejected")) and (isinstance(better, str) or are_texts(better)) and has_prompt(row)


def _from_many(row: Row, source: Source) -> dict[str, Any]:
    prompt, used = asked(row, source)
    better, worse = row["chosen"], list(row["rejected"])
    better = [better] if isinstance(better, str) else list(better)
    ranked = {"completions": [*better, *worse], "ranks": [*[1] * len(better), *[2] * len(worse)]}
    return {"prompt": prompt, **unnamed(row, [*used, "chosen", "rejected"]), **ranked}


def _is_two_outputs(row: Row) -> bool:
    given = row.get("output")
    return (
        isinstance(given, list | tuple)
        and len(given) == 2
        and are_texts(given)
        and has_prompt(row)
        and "chosen" not in row
    )


def _from_two_outputs(row: Row, source: Source) -> dict[str, Any]:
    prompt, used = asked(row, source)
    better, worse = row["output"]
    return {"prompt": prompt, **unnamed(row, [*used, "output"]), "chosen": better, "rejected": worse}


def _refuse_steps(row: Row, source: Source) -> dict[str, Any]:
    raise DataError(
        f"'labels' is a list, one for each of {len(row['completions'])} steps: stepwise supervision.",
        where=str(source),
        why="Penchant judges whole responses; it has no kind of feedback for steps.",
        fix="Join the steps to one completion with one label.",
    )


def _is_stepwise(row: Row) -> bool:
    return isinstance(row.get("labels"), list | tuple) and isinstance(row.get("completions"), list | tuple)


PAIRS = (
    Layout(
        name="stepwise supervision",
        used_by="TRL",
        columns="`prompt`, `completions` (steps), `labels` (one per step)",
        kind="refused",
        says="there is no kind of feedback for single steps",
        matches=_is_stepwise,
        convert=_refuse_steps,
    ),
    Layout(
        name="pair with several rejected responses",
        columns="`prompt` (or `instruction`, ...), `chosen` (a text or a list of texts), `rejected` (a list of texts)",
        used_by="RewardBench 2",
        kind="ranking",
        says="chosen has rank 1, every rejected response rank 2",
        matches=_is_many,
        convert=_from_many,
    ),
    Layout(
        name="instruction and pair",
        used_by="LLaMA-Factory alpaca preference, ORCA pairs, axolotl chatml.intel and icr, llama3.intel and icr",
        columns="`instruction` (and `input`), `question`, `query` or `input`; `chosen`, `rejected`; also `system`, "
        "`history`",
        kind="comparison",
        says="the prompt is {prompt}",
        matches=_is_instruction,
        convert=_from_instruction,
    ),
    Layout(
        name="pair under other names",
        used_by="axolotl chatml.argilla and llama3.argilla, Argilla, Stack-Exchange paired, HelpSteer3 edits",
        columns="a prompt (`prompt`, `instruction`, `question`, ...); `chosen_response`, `rejected_response` (also "
        "`_answer`, `_completion`, `_output`, `_text`, `_messages`, ...); or `response_chosen`, `response_rejected`; "
        "or `preferred` or `accepted`, `rejected`; or `preferred`, `dispreferred`; or `preferred_output`, "
        "`non_preferred_output`; or `win`, `lose`; `better`, `worse`; `good`, `bad` (also `good_answer`, "
        "`answer_good`, ...); or `response_w`, `response_l`; `y_w`, `y_l`; or `response_j` (better), `response_k`; "
        "or `good_edited_response`, "
        "`bad_edited_response`; or `edited_response`, `original_response`",
        kind="comparison",
        matches=_is_named,
        convert=_from_named,
    ),
    Layout(
        name="two outputs",
        used_by="LLaMA-Factory alpaca preference, older form",
        columns="`instruction`, `input`, `output` (a list of two texts)",
        kind="comparison",
        says="the first of the two outputs is the better one",
        matches=_is_two_outputs,
        convert=_from_two_outputs,
    ),
)
