"""The packaged recipes as a table: all of them, as they are, and in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.online.catalogue import Choices, catalogue
from penchant.online.recipe import methods

PAGE = Path(__file__).parents[2] / "docs" / "online.md"


def test_it_shows_every_recipe_and_what_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["online", "list"]) == 0
    printed = capsys.readouterr().out
    assert [each.name for each in catalogue()] == methods()
    assert all(f" {name} " in printed for name in methods())
    found = {each.name: each for each in catalogue()}
    assert found["grpo"] == Choices("grpo", "verifier", "group", "grpo", "initial", "", "answers, or another judge")
    assert found["egpo"].further == "opponent initial, extragradient"
    assert found["drift"].needs == "given responses; complaints"
    assert found["dr-irl"].needs == "demonstrations with categories and samples"
    assert found["on-policy-distillation"].needs == "a teacher"


def test_the_docs_have_every_recipe_with_its_objective() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \|.*\| `([\w-]+)` \|[^|]*\|$", PAGE.read_text(encoding="utf-8"), re.M))
    assert rows == {each.name: each.objective for each in catalogue()}
