"""Tests of programs are read by several threads at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from penchant.sandbox.sandbox import _how_many

TESTS = "\n".join(f"assert double({number}) == [4, (1, 2), {{3: 4}}]" for number in range(100))


@pytest.fixture
def threads_that_interleave() -> Iterator[None]:
    """Python code runs in the middle of parsing, as callbacks of the collector do, and threads change there."""

    def nothing(_phase: str, _about: dict[str, int]) -> None:
        for _ in range(30):
            pass

    before, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(nothing)
    gc.set_threshold(10)
    sys.setswitchinterval(1e-6)
    yield
    gc.callbacks.remove(nothing)
    gc.set_threshold(*before)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("threads_that_interleave")
def test_threads_read_tests_at_the_same_time() -> None:
    # Without a lock, Python 3.11.7 ends a part of these in "SystemError: AST constructor recursion depth mismatch".
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(_how_many, [TESTS] * 60)) == [100] * 60
