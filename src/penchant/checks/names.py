"""Names of columns: their words, and those that a method reads."""

from __future__ import annotations

import re

from penchant.feedback.views.sources import PARAPHRASE, PERTURBED
from penchant.feedback.views.view import BUILT_FIELDS, VIEWS
from penchant.rendering.token_values import TOKEN_COLUMNS

__all__ = ["fields_read", "name_words"]


def fields_read() -> set[str]:
    """The names of all further columns that a method, a builder or the reader itself reads."""
    of_views = {field for name in VIEWS.names() for field in VIEWS.get(name).fields}
    beside = {"annotator", "split", "completion_fields", *PARAPHRASE, *PERTURBED, *TOKEN_COLUMNS}
    return of_views | set(BUILT_FIELDS.names()) | beside


def name_words(name: str) -> list[str]:
    """The words of a column's name, in lower case.

    Example:
        >>> name_words("responseA"), name_words("response_a")
        (['response', 'a'], ['response', 'a'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name)
    return [word for word in re.split(r"[^A-Za-z0-9]+", apart.lower()) if word]
