"""``penchant claims``: what it lists, runs, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.lab.claims import find_claim, record, running
from penchant.lab.claims.record import read_record, write_record
from penchant.lab.claims.results import recorded_rows
from penchant.lab.claims.sources import source_hash

NAME, OTHER = "dpo-likelihood-displacement", "dpo-ranking-accuracy"


def test_listing_runs_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["claims", "--list", "--output", str(tmp_path / "out")]) == 0
    assert "dpo-iterative" in capsys.readouterr().out and not (tmp_path / "out").exists()


def options(tmp_path: Path) -> list[str]:
    return ["--jobs", "1", "--cache", str(tmp_path / "cache"), "--output", str(tmp_path / "out")]


def test_a_claim_is_run_and_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    assert main(["claims", NAME, *options(tmp_path), "--fresh", "--pages", str(pages)]) == 0
    printed = capsys.readouterr()
    assert "1 claim: 1 reproduced" in printed.out and "10 of 10 seeds" in printed.err
    [row] = json.loads((tmp_path / "out" / "claims.json").read_text(encoding="utf-8"))
    assert row["id"] == NAME and len(row["seeds"]) == 10
    assert NAME in (tmp_path / "out" / "claims.html").read_text(encoding="utf-8")
    assert (pages / "index.md").read_text(encoding="utf-8").startswith("# Claims")
    assert f"## {NAME}" in (pages / "pairwise.md").read_text(encoding="utf-8")


def test_what_was_measured_here_or_elsewhere_is_recorded_without_measuring(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = read_record()
    write_record([kept[NAME] | {"sources": "of other code"}, kept[OTHER]], tmp_path / "record")
    own = tmp_path / "record"
    monkeypatch.setattr(record, "read_record", lambda folder=own: read_record(folder))
    monkeypatch.setattr(record, "write_record", lambda entries: write_record(entries, own))
    elsewhere = tmp_path / "elsewhere.json"
    [row] = [row for row in recorded_rows() if row["id"] == NAME]
    elsewhere.write_text(json.dumps([row | {"sources": source_hash(find_claim(NAME))}]), encoding="utf-8")
    assert main(["claims", NAME, *options(tmp_path), "--record", "--from", str(elsewhere)]) == 0
    printed = capsys.readouterr()
    assert "all 10 seeds are known" in printed.err and "pairwise.json" in printed.out
    found = read_record(tmp_path / "record")
    assert found[NAME]["sources"] == source_hash(find_claim(NAME)) and found[OTHER] == kept[OTHER]
    assert found[NAME]["arms"] == kept[NAME]["arms"]


def test_a_shard_lists_its_part(capsys: pytest.CaptureFixture[str]) -> None:
    named = [NAME, OTHER, "rdpo-flipped-labels"]
    parts = []
    for shard in ("1/2", "2/2"):
        assert main(["claims", *named, "--list", "--shard", shard]) == 0
        printed = capsys.readouterr().out
        parts.append({name for name in named if name in printed})
    assert parts[0] | parts[1] == set(named) and not parts[0] & parts[1]
    assert main(["claims", NAME, "--shard", "2/2"]) == 0
    assert "the shard 2/2 holds none of the claims" in capsys.readouterr().err
    assert main(["claims", "--list", "--shard", "3/2"]) == 1
    assert "1/4" in capsys.readouterr().err


def test_mistakes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "dpo-iterativ"]) == 1
    assert "dpo-iterative" in capsys.readouterr().err
    assert main(["claims", "--family", "pairwize"]) == 1
    assert "pairwise" in capsys.readouterr().err


def test_an_interrupt_says_what_is_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: object, progress: object = None, **kwargs: object) -> None:
        progress("dpo", 3, 10)  # type: ignore[operator]
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run_plan", stop)
    assert main(["claims", NAME, "--cache", str(tmp_path)]) == 130
    assert "3 of 10 seeds are kept" in capsys.readouterr().err


def test_a_failure_is_told_and_is_the_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = running.Outcome([], {NAME: "Traceback: it blew up"})
    monkeypatch.setattr(running, "run_plan", lambda *args, **kwargs: failed)
    assert main(["claims", NAME, "--output", str(tmp_path)]) == 1
    assert "it blew up" in capsys.readouterr().err
