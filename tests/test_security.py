"""The page on security: each promise names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def promises() -> dict[str, list[str]]:
    """The tests of each row of the table, by the row's name."""
    rows = [line for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines() if line.startswith("| **")]
    return {re.findall(r"\*\*(.+?)\*\*", row)[0]: re.findall(r"`(tests/\S+::\w+)`", row) for row in rows}


def test_each_promise_has_a_test_that_exists() -> None:
    found = promises()
    assert len(found) > 10
    assert not [name for name, tests in found.items() if not tests]
    for named in (each for tests in found.values() for each in tests):
        path, name = named.split("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, named


def test_what_is_said_of_limits_is_what_holds() -> None:
    from penchant.feedback import image_files
    from penchant.feedback.raw import expansion

    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert f"become {expansion.FLOOR >> 20} MiB, or {expansion.TIMES} times its size" in page
    assert f"with {image_files.BYTES >> 20} MiB and 8192 × 8192 pixels" in page and image_files.PIXELS == 8192**2
