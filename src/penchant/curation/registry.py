"""The registry of data builders; defining a builder class with an id registers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.registry import Registry

if TYPE_CHECKING:
    from penchant.curation.builder import Builder

__all__ = ["BUILDERS"]

#: All builders by id, as used in ``penchant data build``.
BUILDERS: Registry[type[Builder]] = Registry("builder", "penchant.curation", group="penchant.builders")
