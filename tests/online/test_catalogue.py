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
    assert found["grpo"] == Choices(
        "grpo", "independent", "verifier", "group", "grpo", "initial", "", "answers, or another judge"
    )
    assert found["egpo"].further == "opponent initial, extragradient"
    assert found["drift"].needs == "given responses; complaints"
    assert found["on-policy-distillation"].needs == "a teacher"


def test_the_docs_have_every_recipe_with_its_objective() -> None:
    text = PAGE.read_text(encoding="utf-8")
    [head] = re.findall(r"^\| method \|.*\|$", text, re.M)
    assert head == "| method | sampler | judge | pairing | objective | reference |"
    rows = re.findall(r"^\| `[\w-]+` \|.*\| `[\w-]+` \|[^|]*\|$", text, re.M)
    assert all(row.count(" | ") == 5 for row in rows), "five choices"
    named = dict(re.findall(r"^\| `([\w-]+)` \|.*\| `([\w-]+)` \|[^|]*\|$", text, re.M))
    assert named == {each.name: each.objective for each in catalogue()}
