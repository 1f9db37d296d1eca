"""`View`, the registry of views, and the texts that a record supplies for a view.

A view is a set of (prompt, response) sequences that objectives request by its name. A new view is one function::

    @register_view("chosen_reversed", needs="a comparison")
    def chosen_reversed(record):
        return [(record.prompt, record.chosen[::-1])] if isinstance(record, Comparison) else None
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.records import Comparison, Record, Text
from penchant.registry import Registry

__all__ = [
    "BUILT_FIELDS",
    "VIEWS",
    "View",
    "find_view",
    "how_to_make",
    "is_whole",
    "register_view",
    "supplied_texts",
    "view_fields",
    "view_names",
    "view_texts",
]

#: From a record to its (prompt, response) texts, or None if it cannot supply the view.
Texts: TypeAlias = Callable[[Record], "list[tuple[Text, Text]] | None"]


@dataclass(frozen=True, kw_only=True)
class View:
    """One view with all its properties.

    Args:
        name: the parameter name by which objectives request it.
        texts: maps a record to its (prompt, response) texts; None if the record cannot supply the view.
        needs: what a record must have to supply it, for error messages.
        fields: the further fields of a record that it is built from.
        builder: the builder of `penchant data build` that writes these fields.
        whole: whether the prompt's tokens are scored as well, except the first, which has no token before it.
        crossed: for a view of the step, the record view that it combines: this example's prompts of that view with its
            partner's responses.
        source: the named source that supplies it; None for a view of the first source.
        shapes: the metrics that read it (names in `penchant.evaluation.shapes`).
        against: for the chosen side of a pair, the view of the other side.
        words: whether its responses are words about a response, so that it exists for texts alone.
    """

    name: str
    texts: Texts
    needs: str = ""
    fields: tuple[str, ...] = ()
    builder: str | None = None
    whole: bool = False
    crossed: str | None = None
    source: str | None = None
    shapes: tuple[str, ...] = ()
    against: str | None = None
    words: bool = False

    @property
    def compared(self) -> bool:
        """Whether its responses are compared with one another, so that identical ones carry no signal."""
        return bool({"pair", "group"} & set(self.shapes))


#: All views by name.
VIEWS: Registry[View] = Registry("view", "penchant.feedback.views")

#: Record fields that no view is built from, with the builder of `penchant data build` that writes them.
BUILT_FIELDS: Registry[str] = Registry("built field", "penchant.feedback.views")


def register_view(
    name: str,
    *,
    needs: str = "",
    fields: Sequence[str] = (),
    builder: str | None = None,
    whole: bool = False,
    crossed: str | None = None,
    source: str | None = None,
    shapes: Sequence[str] = (),
    against: str | None = None,
    words: bool = False,
) -> Callable[[Texts], Texts]:
    """Register a function that maps a record to the (prompt, response) texts of a view.

    Args:
        name: the parameter name by which objectives request it.
        needs: what a record must have to supply it, for error messages; the function's docstring by default.
        fields: the further fields of a record that it is built from.
        builder: the builder of `penchant data build` that writes these fields.
        whole: whether the prompt's tokens are scored as well, except the first.
        crossed: the record view whose prompts and responses are combined across two examples of a step.
        source: the named source that supplies it.
        shapes: the metrics that read it (names in `penchant.evaluation.shapes`).
        against: for the chosen side of a pair, the view of the other side.
        words: whether its responses are words about a response.

    Returns:
        A decorator. The function returns None for a record that cannot supply the view.
    """

    def add(function: Texts) -> Texts:
        view = View(
            name=name,
            texts=function,
            needs=needs or (function.__doc__ or "").strip(),
            fields=tuple(fields),
            builder=builder,
            whole=whole,
            crossed=crossed,
            source=source,
            shapes=tuple(shapes),
            against=against,
            words=words,
        )
        VIEWS.add(name, view)
        return function

    return add


def view_names() -> list[str]:
    """Names of all registered views, sorted."""
    return VIEWS.names()


def source_names() -> list[str]:
    """Names of the sources that views are supplied by, sorted: ``forget``, ``retain``."""
    return sorted({view.source for name in VIEWS.names() if (view := VIEWS.get(name)).source is not None})


def find_view(name: str) -> View:
    """The view of a name; an unregistered name gives a view without properties, for examples built by other code.

    Example:
        >>> find_view("chosen").against, find_view("made elsewhere").shapes
        ('rejected', ())
    """
    return VIEWS.get(name) if name in VIEWS else View(name=name, texts=lambda record: None)


def view_fields(name: str) -> tuple[str, ...]:
    """The further fields of a comparison that the view ``name`` is built from.

    Example:
        >>> view_fields("rationale"), view_fields("chosen")
        (('rationale',), ())
    """
    return find_view(name).fields


def is_whole(name: str) -> bool:
    """Whether the view ``name`` scores the prompt's tokens as well.

    Example:
        >>> is_whole("chosen")
        False
    """
    return find_view(name).whole


def view_texts(name: str, record: Record) -> list[tuple[Text, Text]]:
    """The (prompt, response) texts that ``record`` supplies as view ``name``.

    Raises:
        ConfigurationError: there is no such view.
        DataError: the record cannot supply it.

    Example:
        >>> view_texts("chosen", Comparison(prompt="Hi", chosen="Hello!", rejected="What?"))
        [('Hi', 'Hello!')]
    """
    texts = supplied_texts(name, record)
    if texts is None:
        raise _missing(VIEWS.get(name), record)
    return texts


def supplied_texts(name: str, record: Record) -> list[tuple[Text, Text]] | None:
    """The (prompt, response) texts that ``record`` supplies as view ``name``, or None if it cannot supply the view.

    Raises:
        ConfigurationError: there is no such view.
        DataError: a field that the view is built from is malformed.

    Example:
        >>> from penchant.feedback.records import Demonstration
        >>> supplied_texts("rejected", Demonstration(prompt="Hi", completion="Hello!")) is None
        True
    """
    if name not in VIEWS:
        raise ConfigurationError(
            f"There is no view {name!r}. {nearest(name, VIEWS.names())}",
            fix="Register it with penchant.feedback.views.register_view: a function from a record to its texts.",
        )
    return VIEWS.get(name).texts(record)


def _missing(view: View, record: Record) -> DataError:
    absent = [field for field in view.fields if record.fields.get(field) is None]
    if isinstance(record, Comparison) and absent:
        return DataError(
            f"The view {view.name!r} needs the field {absent[0]!r}, which this record does not have.",
            where=str(record.source),
            fix=how_to_make(absent[0]) or f"Map a column to it with --map {absent[0]}=COLUMN.",
        )
    return DataError(
        f"A record of kind '{record.kind}' cannot supply the view {view.name!r}, which needs {view.needs}.",
        where=str(record.source),
        fix="Choose an objective for this kind of feedback (`penchant methods`), or other data.",
    )


def how_to_make(field: str) -> str | None:
    """How to add a field that a method needs, or None if no builder writes it.

    Example:
        >>> how_to_make("rationale")
        'Write it with `penchant data build rationale`, or map a column to it with --map rationale=COLUMN.'
    """
    writers = [view.builder for view in VIEWS.things() if view.builder and field in view.fields]
    writers += [BUILT_FIELDS.get(field)] if field in BUILT_FIELDS else []
    if not writers:
        return None
    return f"Write it with `penchant data build {writers[0]}`, or map a column to it with --map {field}=COLUMN."
