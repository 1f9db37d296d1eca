"""Sandboxes that the tests share: with all that the kernel gives, and with less, as elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from penchant.sandbox import Sandbox
from penchant.sandbox.attacks import LIMITS, Outside, outside

# Never without seccomp: with neither namespaces nor another user, a program could end every process of this user.
WAYS = {
    "all": (),
    "no-namespaces": ("namespaces",),
    "landlock": ("namespaces", "users"),
    "limits-and-filter": ("namespaces", "users", "landlock"),
}


@pytest.fixture(scope="session")
def world() -> Iterator[Outside]:
    with outside() as made:
        yield made


@pytest.fixture(scope="session", params=WAYS)
def sandbox(request: pytest.FixtureRequest, world: Outside) -> Iterator[Sandbox]:
    if not sys.platform.startswith("linux"):
        pytest.skip("the sandbox is made of what Linux offers")
    with Sandbox(LIMITS, jobs=1, without=WAYS[request.param]) as made:
        yield made
