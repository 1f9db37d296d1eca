"""Views: which (prompt, response) texts a record supplies under the name that an objective asks for.

A new view is one small function registered by name::

    @register_view("chosen_reversed")
    def chosen_reversed(record):
        return [(record.prompt, record.chosen[::-1])] if isinstance(record, Comparison) else None
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.rationale import rationale_prompt
from penchant.feedback.records import Comparison, Demonstration, Record, Text

__all__ = ["how_to_make", "is_whole", "register_view", "supplied_texts", "view_fields", "view_names", "view_texts"]

View = Callable[[Record], "list[tuple[Text, Text]] | None"]

_VIEWS: dict[str, tuple[View, str]] = {}
_WHOLE: set[str] = set()
_FIELDS: dict[str, tuple[str, ...]] = {}
#: Which builder of `penchant data build` writes a field.
_BUILDERS = {
    "rationale": "rationale",
    "chosen_sources": "sources",
    "rejected_sources": "sources",
    "matching_prompt": "prompts",
    "altered_prompt": "prompts",
    "extended_prompt": "prompts",
    "chosen_degraded": "degrade",
    "rejected_degraded": "degrade",
}


def register_view(
    name: str, *, needs: str = "", whole: bool = False, fields: Sequence[str] = ()
) -> Callable[[View], View]:
    """Register a function that turns a record into the (prompt, response) pairs of a view.

    Args:
        name: the parameter name by which objectives ask for it.
        needs: what a record must have to supply it, for the error message.
        whole: the prompt's tokens are scored too, from the second one on (nothing comes before the first).
        fields: which of a comparison's further fields it is made of.

    Returns:
        A decorator. The function returns None for a record that cannot supply the view.
    """

    def add(function: View) -> View:
        _VIEWS[name] = (function, needs or (function.__doc__ or "").strip())
        (_WHOLE.add if whole else _WHOLE.discard)(name)
        _FIELDS[name] = tuple(fields)
        return function

    return add


def view_names() -> list[str]:
    """Names of all registered views, sorted."""
    return sorted(_VIEWS)


def view_fields(name: str) -> tuple[str, ...]:
    """Which of a comparison's further fields the view ``name`` is made of.

    Example:
        >>> view_fields("rationale"), view_fields("chosen")
        (('rationale',), ())
    """
    return _FIELDS.get(name, ())


def is_whole(name: str) -> bool:
    """Whether the prompt's tokens are scored too in the view ``name``.

    Example:
        >>> is_whole("chosen")
        False
    """
    return name in _WHOLE


def view_texts(name: str, record: Record) -> list[tuple[Text, Text]]:
    """The (prompt, response) texts that ``record`` supplies as view ``name``.

    Raises:
        ConfigurationError: no such view.
        DataError: the record cannot supply it.

    Example:
        >>> view_texts("chosen", Comparison(prompt="Hi", chosen="Hello!", rejected="What?"))
        [('Hi', 'Hello!')]
    """
    texts = supplied_texts(name, record)
    if texts is None:
        raise _missing(name, record)
    return texts


def supplied_texts(name: str, record: Record) -> list[tuple[Text, Text]] | None:
    """The same, or None where the record cannot supply the view.

    Raises:
        ConfigurationError: no such view.
        DataError: a field that the view is made of is malformed.

    Example:
        >>> supplied_texts("rejected", Demonstration(prompt="Hi", completion="Hello!")) is None
        True
    """
    if name not in _VIEWS:
        raise ConfigurationError(
            f"There is no view {name!r}. {nearest(name, _VIEWS)}",
            fix="Register it with penchant.forest.register_view, as a function from a record to its texts.",
        )
    return _VIEWS[name][0](record)


def _missing(name: str, record: Record) -> DataError:
    absent = [field for field in view_fields(name) if record.fields.get(field) is None]
    if isinstance(record, Comparison) and absent:
        return DataError(
            f"The view {name!r} is made of the field {absent[0]!r}, which this record does not have.",
            where=str(record.source),
            fix=how_to_make(absent[0]),
        )
    return DataError(
        f"A record of kind '{record.kind}' has no view {name!r}; it takes {_VIEWS[name][1]}.",
        where=str(record.source),
        fix="Choose an objective for this kind of feedback (`penchant methods`), or other data.",
    )


def how_to_make(field: str) -> str | None:
    """How a person comes by a field that a method needs, or None where only a person knows.

    Example:
        >>> how_to_make("rationale")
        'Write it with `penchant data build rationale`, or map a column to it with --map rationale=COLUMN.'
    """
    if field not in _BUILDERS:
        return None
    return f"Write it with `penchant data build {_BUILDERS[field]}`, or map a column to it with --map {field}=COLUMN."


@register_view("chosen", needs="a comparison (its 'chosen') or a demonstration (its 'completion')")
def _chosen(record: Record) -> list[tuple[Text, Text]] | None:
    if isinstance(record, Comparison):
        return [(record.prompt, record.chosen)]
    return [(record.prompt, record.completion)] if isinstance(record, Demonstration) else None


@register_view("rejected", needs="a comparison (its 'rejected')")
def _rejected(record: Record) -> list[tuple[Text, Text]] | None:
    return [(record.answered[1], record.rejected)] if isinstance(record, Comparison) else None


# The same texts; what differs is that their prompts are scored too.
register_view("chosen_joint", needs="a comparison, or a joint comparison", whole=True)(_chosen)
register_view("rejected_joint", needs="a comparison, or a joint comparison", whole=True)(_rejected)


@register_view("responses", needs="any record with responses")
def _responses(record: Record) -> list[tuple[Text, Text]] | None:
    return list(zip(record.answered, record.responses, strict=True)) or None


def _text(record: Record, field: str) -> Text | None:
    """A text (or messages) among the record's further fields; None where it is absent."""
    value = record.fields.get(field)
    return None if value is None else _checked(value, field, record)


def _checked(value: Any, field: str, record: Record) -> Text:
    messages = isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value)
    if messages or (isinstance(value, str) and value.strip()):
        return value
    raise DataError(
        f"The field {field!r} is {str(value)[:40]!r}, expected a text or messages.",
        where=str(record.source),
        fix=how_to_make(field),
    )


@register_view("rationale", needs="a comparison of two responses to one prompt", fields=["rationale"])
def _rationale(record: Record) -> list[tuple[Text, Text]] | None:
    """Why the chosen response is the better one, in answer to that question."""
    text = _text(record, "rationale")
    if not isinstance(record, Comparison) or text is None or record.answered[0] != record.answered[1]:
        return None
    return [(rationale_prompt(record), text)]


def _under(record: Record, *prompts: str) -> list[Text] | None:
    """Other prompts of a comparison, by the fields that hold them: all of them, or none where all are absent."""
    texts = [_text(record, field) for field in prompts]
    if not isinstance(record, Comparison) or all(text is None for text in texts):
        return None
    for field, text in zip(prompts, texts, strict=True):
        if text is None:
            raise DataError(
                f"The field {field!r} is missing; it belongs to {', '.join(map(repr, set(prompts) - {field}))}.",
                where=str(record.source),
                fix=how_to_make(field),
            )
    return [text for text in texts if text is not None]


def _constrained(record: Record, side: str, prompts: tuple[str, ...], place: int) -> list[tuple[Text, Text]] | None:
    """A response of a comparison under a prompt with other constraints than its own."""
    texts = _under(record, *prompts)
    return None if texts is None else [(texts[place], getattr(record, side))]


_CONTRAST, _EXTENDED = ("matching_prompt", "altered_prompt"), ("extended_prompt",)
for _name, _side, _prompts, _place in (
    ("chosen_matching", "chosen", _CONTRAST, 0),
    ("chosen_altered", "chosen", _CONTRAST, 1),
    ("chosen_extended", "chosen", _EXTENDED, 0),
    ("rejected_extended", "rejected", _EXTENDED, 0),
):
    register_view(_name, needs="a comparison", fields=_prompts)(
        partial(_constrained, side=_side, prompts=_prompts, place=_place)
    )


def _degraded(record: Record, field: str) -> list[tuple[Text, Text]] | None:
    """A response with more and more of its content taken out, level by level."""
    texts = record.fields.get(field)
    if not isinstance(record, Comparison) or texts is None:
        return None
    if not isinstance(texts, list | tuple) or not texts:
        raise DataError(
            f"The field {field!r} is {str(texts)[:40]!r}, expected a list of texts.",
            where=str(record.source),
            fix=how_to_make(field),
        )
    prompt = record.answered[0 if field.startswith("chosen") else 1]
    return [(prompt, _checked(text, field, record)) for text in texts]


for _field in ("chosen_degraded", "rejected_degraded"):
    register_view(_field, needs="a comparison", fields=[_field])(partial(_degraded, field=_field))
