"""Views: which (prompt, response) texts a record supplies under the name that an objective asks for.

A new view is one small function registered by name::

    @register_view("chosen_reversed")
    def chosen_reversed(record):
        return [(record.prompt, record.chosen[::-1])] if isinstance(record, Comparison) else None
"""

from __future__ import annotations

from collections.abc import Callable

from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.records import Comparison, Demonstration, Record, Text

__all__ = ["is_whole", "register_view", "view_names", "view_texts"]

View = Callable[[Record], "list[tuple[Text, Text]] | None"]

_VIEWS: dict[str, tuple[View, str]] = {}
_WHOLE: set[str] = set()


def register_view(name: str, *, needs: str = "", whole: bool = False) -> Callable[[View], View]:
    """Register a function that turns a record into the (prompt, response) pairs of a view.

    Args:
        name: the parameter name by which objectives ask for it.
        needs: what a record must have to supply it, for the error message.
        whole: the prompt's tokens are scored too, from the second one on (nothing comes before the first).

    Returns:
        A decorator. The function returns None for a record that cannot supply the view.
    """

    def add(function: View) -> View:
        _VIEWS[name] = (function, needs or (function.__doc__ or "").strip())
        (_WHOLE.add if whole else _WHOLE.discard)(name)
        return function

    return add


def view_names() -> list[str]:
    """Names of all registered views, sorted."""
    return sorted(_VIEWS)


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
    if name not in _VIEWS:
        raise ConfigurationError(
            f"There is no view {name!r}. {nearest(name, _VIEWS)}",
            fix="Register it with penchant.forest.register_view, as a function from a record to its texts.",
        )
    function, needs = _VIEWS[name]
    texts = function(record)
    if texts is None:
        raise DataError(
            f"A record of kind '{record.kind}' has no view {name!r}; it takes {needs}.",
            where=str(record.source),
            fix="Choose an objective for this kind of feedback (`penchant methods`), or other data.",
        )
    return texts


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
