"""``penchant methods logic``: losses read as statements, compared, and derived."""

from __future__ import annotations

import pytest

from penchant.cli.app import main


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_losses_are_shown_with_their_statements_and_relations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "logic", "cpo", "orpo", "uncpo", "rrhf"]) == 0
    told = capsys.readouterr().out
    for line in ("M(l) implies M(w)", "P_C     M(w) xor M(l)", "ρ       log p_w − log p_l", "Entailment"):
        assert line in told
    assert "Equivalent (one ρ, with any reference): cpo = rrhf" in told
    assert "ρ(orpo) ≤ ρ(uncpo) for every model" in told and "ρ(orpo) ≤ ρ(cpo)" not in told


def test_all_known_forms_where_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "logic"]) == 0
    told = capsys.readouterr().out
    assert "dpo = cdpo = rdpo = ipo" in told and "squared of ρ, which is not decreasing" in told


def test_a_statement_becomes_a_loss(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "logic", "--derive", "M(l) implies M(w)", "--condition", "M(w) xor M(l)"]) == 0
    told = capsys.readouterr().out
    assert "ρ       log p_w + log(1 − p_l) − log p_l − log(1 − p_w)" in told and "known   orpo" in told
    assert "--objective logic --set 'formula=M(l) implies M(w)' --set 'condition=M(w) xor M(l)'" in told


def test_a_loss_of_top_and_bottom_that_prefers_the_loser_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "logic", "--top", "M(l)", "--bottom", "M(w)"]) == 0
    told = capsys.readouterr().out
    assert "no loss of this form is known" in told and "prefers no" in told


def test_losses_near_a_known_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "logic", "--near", "dpo"]) == 0
    told = capsys.readouterr().out
    assert told.count("│ new") == 11 and "uncpo" in told and "reference=true" in told


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["dpoo"], "Did you mean 'dpo'"),
        (["--derive", "M(l) implis M(w)"], "Did you mean 'implies'"),
        (["--top", "M(w)"], "Only one of --top and --bottom"),
        (["--near", "orpoo"], "Did you mean 'orpo'"),
        (["dpo", "--near", "cpo"], "given together"),
    ],
)
def test_what_is_wrong_is_told(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "logic", *words]) == 1
    assert reason in capsys.readouterr().err
