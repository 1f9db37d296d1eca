"""Layouts of single responses, with or without a label, and those that already have our fields."""

from __future__ import annotations

from typing import Any

from penchant.feedback.known.layout import Layout, Row, filled, unnamed
from penchant.feedback.known.prompts import asked, has_prompt
from penchant.feedback.records import Source
from penchant.feedback.spellings import spelled

__all__ = ["LABELS", "OURS", "SINGLES", "label_column"]

#: The columns that may hold whether a response is good.
LABELS = ("label", "kto_tag", "desirable", "is_desirable", "thumbs_up", "is_good", "liked", "thumb", "thumbs")
#: Columns that hold a label only if they say it in a word: a number may be a grade.
_WORDS = ("feedback", "vote", "reaction", "verdict")
_LABEL_COLUMNS = (*LABELS, *_WORDS)
_COMPLETIONS = ("completion", "output", "response", "generation", "output_text")


def label_column(row: Row) -> str | None:
    """The row's column that says whether the response is good, or None."""
    for name in _LABEL_COLUMNS:
        if name not in row:
            continue
        value = row[name]
        said = spelled(value) is not None and (name in LABELS or (isinstance(value, str) and not value[-1:].isdigit()))
        if said or name == "label":
            return name
    return None


def _completion(row: Row) -> str | None:
    # Without a label, an answer beside a prompt is what a verifier compares with.
    names = _COMPLETIONS if label_column(row) is None else (*_COMPLETIONS, "answer")
    # Beside a prompt under another name, targets are what a verifier compares with, too.
    names = (*names, "targets") if filled(row, "inputs") else names
    return next((name for name in names if isinstance(row.get(name), str | list | dict) and row[name]), None)


def _is_single(row: Row) -> bool:
    """A prompt and a response, at least one of the columns under another name than ours."""
    column, label = _completion(row), label_column(row)
    if column is None or not has_prompt(row) or any(name in row for name in ("chosen", "rejected", "completions")):
        return False
    return column != "completion" or "prompt" not in row or label not in (None, "label")


def _from_single(row: Row, source: Source) -> dict[str, Any]:
    column, label = _completion(row), label_column(row)
    prompt, used = asked(row, source)
    rest = unnamed(row, [*used, column or "", *([label] if label else [])])
    found = {"prompt": prompt, **rest, "completion": row[column or ""]}
    return found if label is None else {**found, "label": row[label]}


SINGLES = (
    Layout(
        name="instruction and response",
        used_by="LLaMA-Factory alpaca SFT and KTO, axolotl KTO, Dolly (`instruction`, `context`), "
        "OpenOrca, MetaMath, Aya and FLAN (`inputs`, `targets`)",
        columns="`prompt`, `instruction` (and `input`), `question`, `query`, `inputs` or `messages` (up to a turn of "
        "the user); `output`, `response`, `completion`, `generation` or `targets`; `label`, "
        "`kto_tag`, `desirable` or `thumbs_up` for a judgement; also `system`, `history`",
        kind="demonstration or judgement",
        says="the prompt is {prompt}",
        matches=_is_single,
        convert=_from_single,
    ),
)

#: Layouts that need no conversion.
OURS = (
    Layout(
        name="prompt and pair",
        used_by="TRL (explicit prompt), UltraFeedback binarized",
        columns="`prompt`, `chosen`, `rejected`: texts, messages, or whole conversations that begin with the prompt",
        kind="comparison",
    ),
    Layout(
        name="two conversations",
        used_by="TRL (implicit prompt), axolotl chatml.argilla_chat and llama3.argilla_chat",
        columns="`chosen`, `rejected`: whole conversations; the history that they share is the prompt",
        kind="comparison",
    ),
    Layout(
        name="two dialogues",
        used_by="Anthropic HH",
        columns="`chosen`, `rejected`: texts `\\n\\nHuman: ...\\n\\nAssistant: ...`; the dialogue that they share is "
        "the prompt",
        kind="comparison",
    ),
    Layout(
        name="system, prompt and pair",
        used_by="axolotl chatml.ultra, chatml.prompt_pairs, user_defined.default, the same of llama3",
        columns="`system`, `prompt`, `chosen`, `rejected`",
        kind="comparison",
    ),
    Layout(
        name="joint comparison",
        columns="`prompt` (or `chosen_prompt`), `chosen`, `rejected_prompt`, `rejected`",
        kind="joint comparison",
    ),
    Layout(
        name="response and label",
        used_by="TRL (unpaired preference)",
        columns="`prompt`, `completion`, `label`",
        kind="judgement",
    ),
    Layout(name="prompt and completion", used_by="TRL, OpenAI", columns="`prompt`, `completion`", kind="demonstration"),
    Layout(
        name="chat",
        used_by="OpenAI, TRL (language modelling), axolotl chat_template",
        columns="`messages`; also `tools`; the last turn is the response",
        kind="demonstration",
    ),
    Layout(name="chat with a label", used_by="ms-swift KTO", columns="`messages`, `label`", kind="judgement"),
    Layout(
        name="ranking",
        columns="`prompt`, `completions` or `responses` (texts, messages, or objects with `text`), `scores` or `ranks`",
        kind="ranking",
    ),
    Layout(name="prompt", used_by="TRL (prompt-only)", columns="`prompt`: text or messages", kind="prompt"),
)
