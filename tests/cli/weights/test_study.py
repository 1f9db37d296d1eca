"""``penchant study`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.app import main
from small_studies import study_file


def test_a_study_prints_its_table_and_writes_page_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["study", study_file(tmp_path), "fractions=[0.5, 1]", "budgets=[2]", "--out", str(tmp_path / "out")]
    assert main([*words, "--json", str(tmp_path / "found.json")]) == 0
    said = capsys.readouterr().out
    assert "50% demonstrations" in said
    assert "Best share at 2" in said
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads((tmp_path / "out/study.json").read_text())
    page = (tmp_path / "out/study.html").read_text()
    assert "100% demonstrations" in page
    assert main(words) == 0


def test_words_that_do_not_fit_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "budgt", "--out", str(tmp_path / "out")]) == 1
    assert "Did you mean 'budget'?" in capsys.readouterr().err
    assert main(["study", "budget", "seeds=0", "--out", str(tmp_path / "out")]) == 1
    assert "seeds" in capsys.readouterr().err
