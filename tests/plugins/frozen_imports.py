"""A plugin of pytest: what imports have made is taken out of the garbage collector's sight.

Each run of a trainer ends with a full collection. Among the million objects of the imported libraries it would take
longer than the training of a tiny model.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

__all__ = ["pytest_collection_finish", "pytest_runtest_teardown"]

#: So many modules are imported before it is done again: some libraries load their parts where they are first used.
MANY = 20

_frozen_modules = 0


def pytest_collection_finish() -> None:
    """Most imports are done when all tests are known."""
    _freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """After a test that has imported much more."""
    yield
    if len(sys.modules) >= _frozen_modules + MANY:
        _freeze()


def _freeze() -> None:
    global _frozen_modules
    gc.collect()
    gc.freeze()
    _frozen_modules = len(sys.modules)
