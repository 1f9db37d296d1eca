"""The report of a run that goes on shows how far it is, and is written anew at every measurement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import TrainingError
from penchant.evaluation.report import read_run
from penchant.training import Result
from small_runs import pairs

Train = Callable[..., Result]
RECIPE: dict[str, Any] = {"eval_data": pairs(4), "eval_every": 2, "max_steps": 4}


def test_the_page_follows_the_run(train: Train, tmp_path: Path, drawing: None) -> None:
    page, seen = tmp_path / "run" / "report.html", {}

    def look(step: int, split: str, numbers: dict[str, float]) -> None:
        if split == "train":
            seen[step] = page.read_text(encoding="utf-8")

    run = train(callbacks=[look], **RECIPE)
    assert "In progress: step 0 of 4" in seen[1] and "In progress: step 2 of 4" in seen[3]
    assert all('http-equiv="refresh"' in text for text in seen.values())
    assert "<svg" in seen[3] and "Reward margin" in seen[3]
    finished = run.report.read_text(encoding="utf-8")
    assert "In progress" not in finished and 'http-equiv="refresh"' not in finished
    assert not (run.folder / "progress.json").exists()


def test_the_page_of_a_run_that_fails_says_where_it_stopped(train: Train, tmp_path: Path, drawing: None) -> None:
    def fail(step: int, split: str, numbers: dict[str, float]) -> None:
        if step == 3:
            raise ValueError("no")

    with pytest.raises(TrainingError, match=r"step 3: The callback '.*fail' raised ValueError: no"):
        train(callbacks=fail, **RECIPE)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Stopped: step 3 of 4" in page and 'http-equiv="refresh"' not in page
    assert read_run(tmp_path / "run").progress["state"] == "stopped"


def test_a_page_that_cannot_be_drawn_does_not_stop_the_run(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def write(run: Path) -> Path:
        calls.append(run)
        # The rehearsal and the end are not in between.
        if run.name == "run" and not (run / "summary.json").exists():
            raise ValueError("a chart without points")
        return run / "report.html"

    monkeypatch.setattr("penchant.evaluation.report.write_report", write)
    run = train(**RECIPE)
    assert len(calls) == 5, "the rehearsal, before training, after steps 2 and 4, and the end"
    assert any("a chart without points" in warning for warning in run.summary["warnings"])
