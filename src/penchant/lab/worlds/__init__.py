"""The worlds, one folder each; `penchant.lab.worlds.registry.WORLDS` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import load

if TYPE_CHECKING:
    from penchant.lab.worlds import digits, facts, language, shapes, sums, tabular

__all__ = ["digits", "facts", "language", "shapes", "sums", "tabular"]


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, {})
