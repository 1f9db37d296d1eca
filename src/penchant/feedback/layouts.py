"""Recognition of the layout of a row, and construction of the record from its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback import validation
from penchant.feedback.conversations import implicit_prompt, parted, response_to, split_last_answer, with_every_turn
from penchant.feedback.images import read_image
from penchant.feedback.items import is_item_list, item_list
from penchant.feedback.media import refuse_media
from penchant.feedback.rankings import COMPLETIONS, ranking
from penchant.feedback.records import (
    Comparison,
    Demonstration,
    JointComparison,
    Judgement,
    Prompt,
    Record,
    Source,
    Text,
)
from penchant.feedback.tools import ARGUMENTS, THINKING, tools_column, with_template_columns

__all__ = ["build", "recognise", "rename"]

Row = Mapping[str, Any]

_PAIR_OF_IMAGES = ("chosen_image", "rejected_image")
_RENAMED = {"score_chosen": "chosen_score", "score_rejected": "rejected_score"}


def rename(row: Row, mapping: Mapping[str, str]) -> dict[str, Any]:
    """A row with its columns renamed to Penchant's field names.

    Args:
        row: the row as read.
        mapping: field names to column names, ``{"chosen": "better"}``.

    Example:
        >>> rename({"better": "a", "prompt": "p"}, {"chosen": "better"})
        {'prompt': 'p', 'chosen': 'a'}
    """
    theirs = set(mapping.values())
    kept = {name: value for name, value in row.items() if name not in theirs and name not in mapping}
    kept |= {ours: row[name] for ours, name in mapping.items() if name in row}
    for old, new in _RENAMED.items():
        if old in kept and new not in kept:
            kept[new] = kept.pop(old)
    return kept


def recognise(row: Row) -> str | None:
    """The kind of feedback that a row's columns indicate, or None.

    Example:
        >>> recognise({"prompt": "p", "responses": ["a", "b"], "scores": [1, 0]})
        'ranking'
        >>> recognise({"prompt": "p", "chosen": "a", "rejected_prompt": "q", "rejected": "b"})
        'joint comparison'
        >>> recognise({"question": "p"}) is None
        True
    """
    if any(name in row for name in ("chosen", "rejected", *_PAIR_OF_IMAGES)):
        return "comparison" if row.get("rejected_prompt") is None else "joint comparison"
    if is_item_list(row) or any(isinstance(row.get(name), list | tuple) for name in COMPLETIONS):
        return "ranking"
    if any(name in row for name in ("completion", "messages", "image")):
        return "judgement" if "label" in row else "demonstration"
    return "prompt" if "prompt" in row else None


def build(kind: str, row: Row, source: Source, *, every_turn: bool = False) -> Record:
    """Build the record of a row.

    Args:
        kind: comparison, joint comparison, judgement, ranking, demonstration or prompt.
        row: field name to value.
        source: file and line, for the record and for errors.
        every_turn: learn every turn of the assistant: comparisons may part early, with turns of others as context, and
            demonstrations answer from the first one on.

    Raises:
        DataError: a field is missing, empty, of the wrong type, or inconsistent with the others; ``tools`` cannot be
            read; or a text refers to images.

    Example:
        >>> build("comparison", {"prompt": "Hi", "chosen": "Hello!", "rejected": "No."}, Source()).chosen
        'Hello!'
    """
    rest = {name: value for name, value in row.items() if name not in (tools_column(row), ARGUMENTS)}
    if isinstance(rest.get(THINKING), bool):
        del rest[THINKING]
    parting = every_turn and kind == "comparison"
    built: Record = _comparison(rest, source, every_turn=True) if parting else _BUILDERS[kind](rest, source)
    record = refuse_media(with_template_columns(built, row), row)
    return with_every_turn(record) if every_turn and isinstance(record, Demonstration) else record


def _comparison(row: Row, source: Source, *, every_turn: bool = False) -> Comparison:
    if any(name in row for name in _PAIR_OF_IMAGES) and "chosen" not in row:
        return _comparison_of_images(row, source)
    chosen, rejected = (validation.text(row, field, source) for field in ("chosen", "rejected"))
    # Checked first: an empty answer would otherwise be reported as a missing history.
    validation.not_empty(chosen, "chosen", source)
    validation.not_empty(rejected, "rejected", source)
    if "prompt" not in row:
        prompt, chosen, rejected = implicit_prompt(chosen, rejected, source, every_turn=every_turn)
    else:
        given = validation.text(row, "prompt", source)
        prompt, chosen = response_to(given, chosen, "chosen", source)
        other, rejected = response_to(given, rejected, "rejected", source)
        if prompt != other:
            prompt = _same_history(given, prompt, other, source)
    validation.response(chosen, "chosen", source, every_turn=every_turn)
    validation.response(rejected, "rejected", source, every_turn=every_turn)
    _require_different(chosen, rejected, ("chosen", "rejected"), source)
    fields = validation.extras(row, ("prompt", "chosen", "rejected"), source)
    return Comparison(prompt=prompt, chosen=chosen, rejected=rejected, source=source, fields=fields)


def _joint_comparison(row: Row, source: Source) -> JointComparison:
    if row.get("rejected_prompt") is None:
        # In a set of joint comparisons, a row with one prompt has the same prompt on both sides.
        pair = _comparison({**row, "prompt": row["chosen_prompt"]} if "chosen_prompt" in row else row, source)
        fields = {name: value for name, value in pair.fields.items() if name != "chosen_prompt"}
        shared: dict[str, Any] = {name: getattr(pair, name) for name in ("prompt", "chosen", "rejected", "source")}
        return JointComparison(**shared, rejected_prompt=pair.prompt, fields=fields)
    asked = next((name for name in ("chosen_prompt", "prompt") if row.get(name) is not None), "prompt")
    prompts, answers = [], []
    for column, side in ((asked, "chosen"), ("rejected_prompt", "rejected")):
        answer = validation.not_empty(validation.text(row, side, source), side, source)
        prompt, answer = response_to(validation.text(row, column, source), answer, side, source)
        prompts.append(prompt)
        answers.append(validation.response(answer, side, source))
    if prompts[0] == prompts[1]:
        _require_different(answers[0], answers[1], ("chosen", "rejected"), source)
    return JointComparison(
        prompt=prompts[0],
        chosen=answers[0],
        rejected_prompt=prompts[1],
        rejected=answers[1],
        source=source,
        fields=validation.extras(row, ("prompt", "chosen_prompt", "chosen", "rejected_prompt", "rejected"), source),
    )


def _require_different(chosen: Any, rejected: Any, names: tuple[str, str], source: Source) -> None:
    if chosen == rejected:
        raise DataError(
            f"{names[0]!r} and {names[1]!r} are identical.",
            where=str(source),
            why="The pair contains no preference, and its loss cannot decrease.",
            fix="Remove the record.",
        )


def _image(row: Row, column: str, source: Source) -> Any:
    """The image of a column."""
    if column in row and row[column] is None:
        raise DataError(
            f"{column!r} is null, expected an image.", where=str(source), fix="Fill it, or remove the record."
        )
    if column not in row:
        raise validation.missing(column, row, source)
    return read_image(row[column], column, source)


def _comparison_of_images(row: Row, source: Source) -> Comparison:
    prompt = validation.text(row, "prompt", source)
    chosen, rejected = (_image(row, column, source) for column in _PAIR_OF_IMAGES)
    _require_different(chosen, rejected, _PAIR_OF_IMAGES, source)
    fields = validation.extras(row, ("prompt", *_PAIR_OF_IMAGES), source)
    return Comparison(prompt=prompt, chosen=chosen, rejected=rejected, source=source, fields=fields)


def _same_history(given: Text, first: Text, second: Text, source: Source) -> Text:
    """The shared prompt as a conversation, if one response is a text and the other a list of messages."""
    as_turns = [{"role": "user", "content": given}]
    if {str(first), str(second)} == {str(given), str(as_turns)}:
        return as_turns
    raise DataError(
        f"'chosen' and 'rejected' do not answer the same history{parted(first, second)}.",
        where=str(source),
        why="Responses can only be compared as answers to the same history.",
        fix="Give the prompt in the field 'prompt', and only the responses in the others.",
    )


def _answered(row: Row, source: Source) -> tuple[Text, Text]:
    """Prompt and completion of a row with one response."""
    if "image" in row and "completion" not in row and "messages" not in row:
        return validation.text(row, "prompt", source), _image(row, "image", source)
    if "completion" not in row and "messages" in row:
        messages = validation.text(row, "messages", source)
        if isinstance(messages, str):
            raise DataError(
                f"'messages' is {validation.described(messages)}, expected a list of messages.", where=str(source)
            )
        history, answer = split_last_answer(messages, "messages", source)
        return history, validation.response(answer, "messages", source)
    value = validation.text(row, "completion", source)
    validation.not_empty(value, "completion", source)
    if "prompt" not in row and not isinstance(value, str):
        history, answer = split_last_answer(value, "completion", source)
        return history, validation.response(answer, "completion", source)
    prompt, completion = response_to(validation.text(row, "prompt", source), value, "completion", source)
    return prompt, validation.response(completion, "completion", source)


def _taken(row: Row, *more: str) -> tuple[str, ...]:
    """The columns of prompt and response; if the response is a text, an image column is an extra field."""
    texts = ("prompt", "completion", "messages", *more)
    return texts if "completion" in row or "messages" in row else (*texts, "image")


def _judgement(row: Row, source: Source) -> Judgement:
    prompt, completion = _answered(row, source)
    label = validation.label(row, source)
    fields = validation.extras(row, _taken(row, "label"), source)
    return Judgement(prompt=prompt, completion=completion, label=label, source=source, fields=fields)


def _demonstration(row: Row, source: Source) -> Demonstration:
    prompt, completion = _answered(row, source)
    fields = validation.extras(row, _taken(row), source)
    return Demonstration(prompt=prompt, completion=completion, source=source, fields=fields)


def _prompt(row: Row, source: Source) -> Prompt:
    prompt = validation.text(row, "prompt", source)
    return Prompt(prompt=prompt, source=source, fields=validation.extras(row, ("prompt",), source))


_BUILDERS: dict[str, Callable[[Row, Source], Record]] = {
    "comparison": _comparison,
    "joint comparison": _joint_comparison,
    "judgement": _judgement,
    "ranking": lambda row, source: (item_list if is_item_list(row) else ranking)(row, source),
    "demonstration": _demonstration,
    "prompt": _prompt,
}
