"""The words of a column's name."""

from __future__ import annotations

import re

__all__ = ["name_words"]


def name_words(name: str) -> list[str]:
    """The words of a column's name, in lower case.

    Example:
        >>> name_words("responseA"), name_words("response_a")
        (['response', 'a'], ['response', 'a'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name)
    return [word for word in re.split(r"[^A-Za-z0-9]+", apart.lower()) if word]
