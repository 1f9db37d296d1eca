"""`nearest_weight`, what a pattern of weights may have meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from penchant.errors import nearest

__all__ = ["nearest_weight"]


def nearest_weight(pattern: str, names: Iterable[str]) -> str:
    """A hint that names the closest weight, or all; those of many layers or experts are one pattern.

    Args:
        pattern: what matched none of the names.
        names: of weights.

    Example:
        >>> nearest_weight("*.nothing.*", ["embed.weight", "layers.0.mlp.up.weight", "layers.1.mlp.up.weight"])
        'Known: embed.weight, layers.*.mlp.up.weight.'
    """
    return nearest(pattern, {re.sub(r"(?<=\.)\d+(?=\.)", "*", name) for name in names})
