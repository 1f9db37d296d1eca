"""Checks of columns that no field is read from: text that belongs to a prompt or an answer, and responses of a pair."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from penchant.checks.diagnosis import Check
from penchant.checks.names import fields_read, name_words
from penchant.checks.verdicts import unread_verdicts
from penchant.feedback.collection import Feedback, Origin
from penchant.feedback.known.prompts import ASKED, is_chat
from penchant.feedback.messages import is_message
from penchant.feedback.records import Record, as_text

__all__ = ["PAIR_LIKE", "UNUSED", "unused_columns"]

#: Names of the checks, which a run shows before it starts.
UNUSED, PAIR_LIKE = "unused columns", "columns like a pair"

_SYSTEM = {"system", "sys", "persona"}
_PROMPT = {
    "input", "inputs", "context", "contexts", "history", "instruction", "instructions", "question", "query", "user",
    "passage", "document", "background", "article", "dialogue", "dialog", "conversation", "conversations", "messages",
    "problem", "prompt", "prefix", "few", "definition",
}  # fmt: skip
_ANSWER = {
    "response", "responses", "answer", "answers", "output", "outputs", "completion", "reply", "generation",
    "generations", "candidate", "candidates", "reasoning", "thinking", "thought", "thoughts", "chosen", "rejected",
}  # fmt: skip
#: A name that ends with one of these words, or begins with one of `_ASKING`, is about a text and is not the text.
_ABOUT = {
    "id", "ids", "uid", "uuid", "hash", "idx", "index", "score", "scores", "rating", "ratings", "model", "models",
    "source", "type", "category", "lang", "language", "length", "len", "count", "tokens", "num", "number", "date",
    "time", "url", "name", "label", "labels", "tag", "tags", "split", "dataset", "is", "rank", "ranks", "annotator",
    "worker", "license", "severity", "level", "reward", "logprob", "logprobs", "sha256",
}  # fmt: skip
_ASKING = {"is", "has", "num", "n"}
#: A column with one of these words says again what prompt or answer says.
_AGAIN = {"paraphrase", "paraphrased", "paraphrases", "rephrased", "reworded", "perturbed"}
#: Two columns whose names differ in one of these words hold two of a kind.
_SIDES = (
    {"0", "1"}, {"1", "2"}, {"a", "b"}, {"left", "right"}, {"first", "second"}, {"good", "bad"}, {"better", "worse"},
    {"best", "worst"}, {"accepted", "rejected"}, {"winner", "loser"}, {"positive", "negative"}, {"chosen", "rejected"},
    {"preferred", "dispreferred"}, {"preferred", "non"}, {"win", "lose"}, {"one", "two"},
)  # fmt: skip
_ONE_SIDE = {"chosen", "rejected", "preferred", "dispreferred", "winner", "loser", "better", "worse", "accepted"}
_CHOOSING = {"better", "winner", "preference", "preferred", "choice"}
_MEDIA = {"image", "images", "img", "picture", "photo", "screenshot", "video", "videos", "audio", "audios"}
_MEDIA_PARTS = _MEDIA | {"url", "urls", "path", "paths", "file", "files", "bytes"}
_SAMPLE, _SHORT = 500, 20
_NAME = re.compile(r"[\w-]*\d[\w-]*")
_MANY_WORDS, _MANY_LETTERS = 30, 300
#: A text under one of these names, beside a prompt without an answer, is the answer.
_ANSWERS_PROMPT = {"label", "labels", "summary", "highlights"}
#: In records of prompts, these hold what a verifier compares with.
_VERIFIED = {"answer", "answers", "solution", "target", "reference", "gold"}
#: A long text under one of these names is rather the right answer than a part of the prompt.
_REFERENCE = {"solution", "solutions", "target", "reference", "references", "gold", "truth"}


def unused_columns(feedback: Feedback) -> list[Check]:
    """The checks for columns that no field is read from.

    Columns that repeat what the record already says, and those that a method reads (`rationale`), are no finding.
    A column that judges the responses of demonstrations is one (`unread_verdicts`).

    Args:
        feedback: the records; further columns are in their fields.

    Returns:
        Nothing if nothing was found; warnings with the option ``--map`` that would use the column.
    """
    order = {name: at for at, name in enumerate(feedback.origin.columns)}
    found_texts = _texts(feedback.records[:_SAMPLE])
    texts = {name: found_texts[name] for name in sorted(found_texts, key=lambda name: order.get(name, len(order)))}
    pair = _pair_like(feedback, texts)
    checks = [] if pair is None else [_pair_check(feedback, pair)]
    found = {name: hint for name in texts if name not in (pair or ()) and (hint := _hint(name, texts[name], feedback))}
    if found:
        # The recipe's mapping and the option have the same form.
        detail = "Nothing of these columns reaches the model. " + " ".join(found.values())
        checks.append(Check(UNUSED, ", ".join(found), "warning", detail))
    return [*checks, *unread_verdicts(feedback)]


def _texts(records: Sequence[Record]) -> dict[str, list[str]]:
    """For each further column that no view reads, its texts that the record does not already contain."""
    known = fields_read()
    texts: dict[str, list[str]] = {}
    for record in records:
        said: list[str] | None = None
        for name, value in record.fields.items():
            if name in known or not isinstance(value, str | list | tuple | Mapping):
                continue
            parts = [part for part in _parts(value) if part.strip()]
            said = _said(record) if parts and said is None else said
            # A builder that writes into the prompt keeps what it was; then a short text of the prompt is from a column.
            short = 1 if "original_prompt" in record.fields else _SHORT
            if not all(_repeated(part.strip(), said or [], short) for part in parts):
                texts.setdefault(name, []).append("\n".join(parts))
    return {name: found for name, found in texts.items() if 10 * len(found) >= len(records) and not _names(found)}


def _names(texts: Sequence[str]) -> bool:
    """Whether most texts are names without a meaning, such as those of users and items: ``17``, ``u-3``."""
    return 2 * sum(all(_NAME.fullmatch(part) for part in text.split("\n")) for text in texts) > len(texts)


def _said(record: Record) -> list[str]:
    """The texts of a record, and the contents of its turns."""
    values = (*record.answered, record.prompt, *record.responses)
    return [part.strip() for value in values for part in _parts(value if isinstance(value, list) else as_text(value))]


def _repeated(part: str, said: Sequence[str], short: int) -> bool:
    # A short text ("no") is inside many others.
    return part in said or (len(part) > short and any(part in each for each in said))


def _parts(value: Any, depth: int = 4) -> Iterator[str]:
    """The texts inside a value; of messages their contents."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        turn = {"role", "from"} & set(value)
        inside = [value.get("content", value.get("value"))] if turn else list(value.values())
        yield from (part for each in inside if depth for part in _parts(each, depth - 1))
    elif isinstance(value, list | tuple):
        yield from (part for each in islice(value, 50) if depth for part in _parts(each, depth - 1))


def _is_about(name: str) -> bool:
    words = name_words(name) or [""]
    return words[-1] in _ABOUT or words[0] in _ASKING


def _hint(name: str, texts: Sequence[str], feedback: Feedback) -> str | None:
    """What would use a column that looks like a part of prompt or answer; None for one that does not."""
    words = set(name_words(name))
    if words & _MEDIA and words <= _MEDIA_PARTS:
        return (
            f"A text model cannot see {name}; if the answers refer to it, describe it in words or remove the records."
        )
    several = sum(len(text.split()) > 2 or len(text) > 20 for text in texts) > 0.5 * len(texts)
    if feedback.kind == "prompt" and words <= _ANSWERS_PROMPT and several:
        return _answer_hint(name, feedback)
    if _is_about(name) or words & _AGAIN or (feedback.kind == "prompt" and words & _VERIFIED):
        return None
    whole = len(words) == 1 or several
    if words & _SYSTEM and whole:
        return f"--map system={name} makes it the system turn."
    if words & _ANSWER and whole:
        return _answer_hint(name, feedback)
    long = sum(len(text.split()) >= _MANY_WORDS or len(text) >= _MANY_LETTERS for text in texts) > 0.5 * len(texts)
    if words & _REFERENCE and long:
        return f"{name} looks like an answer to compare with; if the model should read it: " + _prompt_hint(
            name, feedback
        )
    if (words & _PROMPT and whole) or long:
        return _prompt_hint(name, feedback)
    return None


def _prompt_hint(name: str, feedback: Feedback) -> str:
    if not all(isinstance(record.prompt, str) for record in feedback.records[:_SAMPLE]):
        return f"--map system={name} puts it before the conversation as its system turn."
    written = _prompt_source(feedback.origin)
    return f'--map prompt="{written}\\n\\n{{{name}}}" adds it to the prompt.'


def _prompt_source(origin: Origin) -> str:
    """The prompt as a template: what the user mapped, or the column that it is read from."""
    mapped = origin.mapping.get("prompt")
    if mapped is not None and "{" in mapped:
        return mapped.replace("\n", "\\n")
    column = mapped or next((each for each in ("prompt", *ASKED) if each in origin.columns), "prompt")
    return f"{{{column}}}"


def _answer_hint(name: str, feedback: Feedback) -> str:
    if _several(name, feedback):
        return (
            f"{name} holds several responses to each prompt: write them as a list of texts in a column completions, "
            "with a column scores or ranks, and they are read as a ranking."
        )
    if feedback.kind == "prompt":
        return f"--map completion={name} makes it the response to the prompt."
    field = "chosen" if feedback.kind in ("comparison", "joint comparison") else "completion"
    column = feedback.origin.mapping.get(field, field)
    template = column if "{" in column else f"{{{column}}}"
    shown = template.replace("\n", "\\n")
    return f'--map {field}={name} reads the response from it, --map {field}="{{{name}}}\\n\\n{shown}" puts it before.'


def _several(name: str, feedback: Feedback) -> bool:
    """Whether most cells of a column are several texts: a list of them or of objects, or texts by name."""
    cells = [record.fields[name] for record in feedback.records[:_SAMPLE] if record.fields.get(name)]
    many = [
        isinstance(cell, Mapping | list | tuple) and not is_chat(cell) and not is_message(cell) and len(cell) > 1
        for cell in cells
    ]
    return 2 * sum(many) > len(cells)


def _pair_like(feedback: Feedback, texts: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """Two unused columns that look like the responses of a pair, or one that looks like the side of a pair."""
    if feedback.origin.kind is not None or feedback.kind not in ("prompt", "demonstration", "judgement"):
        return None
    names = [name for name in texts if not _is_about(name) and not set(name_words(name)) & _SYSTEM]
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            first, second = name_words(one), name_words(other)
            apart = {*first} ^ {*second}
            sides = any(apart == side or (apart <= side | {"preferred"} and len(apart & side) == 2) for side in _SIDES)
            if len(first) + len(second) <= 8 and (sides or apart in ({"non"}, {"alternative"})):
                return one, other
    return _named_sides(feedback) or next(((name,) for name in names if set(name_words(name)) & _ONE_SIDE), None)


def _named_sides(feedback: Feedback) -> tuple[str, ...] | None:
    """The columns that a column such as ``winner`` names, if it names nothing else: ``gpt4`` and ``llama``."""
    sample = feedback.records[:_SAMPLE]
    for chooser in (name for name in feedback.origin.columns if _CHOOSING & set(name_words(name))):
        given = [record.fields for record in sample if isinstance(record.fields.get(chooser), str)]
        if given and all(isinstance(fields.get(fields[chooser]), str) for fields in given):
            return tuple(dict.fromkeys(fields[chooser] for fields in given))[:2]
    return None


def _pair_check(feedback: Feedback, pair: tuple[str, ...]) -> Check:
    detail = f"The records are read as kind {feedback.kind!r}, but this looks like "
    if len(pair) == 1:
        detail += (
            f"one side of a comparison. Name both, one of them {pair[0]}: --map chosen=COLUMN --map rejected=COLUMN."
        )
    else:
        others = (name for name in feedback.origin.columns if name not in pair)
        chooser = next((name for name in others if _CHOOSING & set(name_words(name))), None)
        detail += f"the two responses of a comparison. If {pair[0]} is always the better one: --map chosen={pair[0]} "
        detail += f"--map rejected={pair[1]}."
        if chooser is not None:
            detail += f" If {chooser!r} tells which is better, write the columns chosen and rejected by it first."
    return Check(
        PAIR_LIKE, ", ".join(pair), "warning", f"{detail} Give --kind (kind=) to read the records as they are."
    )
