"""Every builder of data by its id, found without a list to keep: defining the class is registering it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.registry import Registry

if TYPE_CHECKING:
    from penchant.curation.builder import Builder

__all__ = ["BUILDERS"]

#: All builders by id, the names of ``penchant data build``.
BUILDERS: Registry[type[Builder]] = Registry("builder", "penchant.curation")
