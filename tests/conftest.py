"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [
    "pytester",
    "house.summary",
    "plugins.costs",
    "plugins.frozen_imports",
    "plugins.kill_table",
    "plugins.law_first",
]

# Nothing in the tests may reach for a network: what is absent must be said at once, not after a time-out.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Everybody's own runs look for new examples; the checks of a change draw the same ones each time, so that
# what fails there fails because of the change.
settings.register_profile("search", deadline=None)
settings.register_profile("same", deadline=None, derandomize=True)
settings.load_profile("same" if os.environ.get("CI") else "search")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real feedback and published numbers that may lie beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the folder shared/ (real feedback sets, published numbers) is absent beside this checkout")
    return SHARED
