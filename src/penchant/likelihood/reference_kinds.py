"""`ReferenceKind`, the kinds of references that a recipe may name; free of torch, so that reading a recipe is quick."""

from __future__ import annotations

from typing import Literal

__all__ = ["ReferenceKind"]

#: The kinds available in recipes.
ReferenceKind = Literal["initial", "cached", "none"]
