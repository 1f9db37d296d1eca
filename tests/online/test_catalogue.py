"""The packaged recipes as a table: all of them, as they are, and in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.objectives import names
from penchant.online.catalogue import Choices, catalogue
from penchant.online.recipe import methods
from penchant.online.shown.paper_names import PAPER_NAMES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "online.md"
#: What every run goes through, whatever it chooses.
LOOP = ("loop", "collecting", "rounds", "rollout_maker", "parts", "state", "round_files", "journal")


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
    assert found["dr-irl"].needs == "demonstrations with categories and samples"
    assert found["on-policy-distillation"].needs == "a teacher"


def test_nothing_is_cut_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["online", "list"]) == 0
    printed = capsys.readouterr().out
    assert "…" not in printed and max(map(len, printed.splitlines()[:-1])) <= 80
    for each in catalogue():
        assert all(f" {text} " in printed for text in (each.name, each.judge, each.pairing, each.needs) if text)


def test_the_docs_have_every_recipe_with_its_objective() -> None:
    text = PAGE.read_text(encoding="utf-8")
    [head] = re.findall(r"^\| method \|.*\|$", text, re.M)
    assert head == "| method | sampler | judge | pairing | objective | reference |"
    rows = re.findall(r"^\| `[\w-]+` \|.*\| `[\w-]+` \|[^|]*\|$", text, re.M)
    assert all(row.count(" | ") == 5 for row in rows), "five choices"
    named = dict(re.findall(r"^\| `([\w-]+)` \|.*\| `([\w-]+)` \|[^|]*\|$", text, re.M))
    assert named == {each.name: each.objective for each in catalogue()}


@pytest.mark.parametrize("file", LOOP)
def test_the_loop_knows_no_method_by_its_name(file: str) -> None:
    text = (ROOT / "src" / "penchant" / "online" / f"{file}.py").read_text(encoding="utf-8").lower()
    said = set(re.findall(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", text))
    known = {*methods(), *names(), *PAPER_NAMES}
    assert not said & (known | {each.replace("-", "_") for each in known})
    assert "grpo" in set(re.findall(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", "build(GRPO)".lower())), "it would be found"
