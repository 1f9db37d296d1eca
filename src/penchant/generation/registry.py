"""The registry of engines, and how a recipe's ``engine`` is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penchant.named import build_named
from penchant.registry import Registry
from penchant.rendering.renderer import Renderer

if TYPE_CHECKING:
    from penchant.generation.engines import Engine

__all__ = ["ENGINES", "build_engine"]

#: All engines by name.
ENGINES: Registry[type[Engine]] = Registry(
    "engine", "penchant.generation", "penchant.inference", group="penchant.engines"
)


def build_engine(settings: Mapping[str, Any], renderer: Renderer, longest_prompt: int | None = None) -> Engine:
    """The engine that a recipe selects; ``transformers`` by default.

    Args:
        settings: ``name`` and the engine's keys: ``{"name": "transformers", "batch_size": 64}`` or
            ``{"name": "server", "url": "http://localhost:8000/v1", "model": "policy"}``.
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, or None for no limit.

    Raises:
        ConfigurationError: there is no such engine or key, or a value has the wrong type or is out of range.

    Example:
        >>> build_engine({"batch_size": 64}, renderer=None).settings["batch_size"]
        64
    """
    return build_named(ENGINES, {"name": "transformers", **settings}, "engine", renderer, longest_prompt)
