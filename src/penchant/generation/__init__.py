"""Floor 4: how to get a response from a model."""

from penchant.generation.engine import generate

__all__ = ["generate"]
