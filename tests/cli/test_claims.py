"""``penchant claims``: what it lists, runs, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.lab.claims import running

NAME = "dpo-likelihood-displacement"


def test_listing_runs_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["claims", "--list", "--output", str(tmp_path / "out")]) == 0
    assert "dpo-iterative" in capsys.readouterr().out and not (tmp_path / "out").exists()


def test_a_claim_is_run_and_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "claims.md"
    options = [
        "--jobs",
        "1",
        "--cache",
        str(tmp_path / "cache"),
        "--output",
        str(tmp_path / "out"),
        "--page",
        str(page),
    ]
    assert main(["claims", NAME, *options]) == 0
    printed = capsys.readouterr()
    assert "1 claim: 1 reproduced" in printed.out and "10 of 10 seeds" in printed.err
    [row] = json.loads((tmp_path / "out" / "claims.json").read_text(encoding="utf-8"))
    assert row["id"] == NAME and len(row["seeds"]) == 10
    assert NAME in (tmp_path / "out" / "claims.html").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").startswith("# Claims")


def test_mistakes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "dpo-iterativ"]) == 1
    assert "dpo-iterative" in capsys.readouterr().err
    assert main(["claims", "--family", "pairwize"]) == 1
    assert "pairwise" in capsys.readouterr().err


def test_an_interrupt_says_what_is_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: object, told: object = None, **kwargs: object) -> None:
        told("dpo", 3, 10)  # type: ignore[operator]
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run_claims", stop)
    assert main(["claims", NAME, "--cache", str(tmp_path)]) == 130
    assert "3 of 10 seeds are kept" in capsys.readouterr().err


def test_a_failure_is_told_and_is_the_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = running.Outcome([], {NAME: "Traceback: it blew up"})
    monkeypatch.setattr(running, "run_claims", lambda *args, **kwargs: failed)
    assert main(["claims", NAME, "--output", str(tmp_path)]) == 1
    assert "it blew up" in capsys.readouterr().err
