"""Training on single steps of real solutions."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest

import penchant
from penchant.curation.step_pairs import StepPairs
from penchant.feedback import read
from small_runs import losses


@pytest.mark.parametrize("objective", ["dpo", "orpo", "kto"])
def test_a_method_learns_single_steps_of_real_solutions(
    objective: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    built = StepPairs().build(read(shared / "data" / "gsm8k_solutions.jsonl.gz")[:200])
    later = [row for row in built.rows if row["step"] > 0][:4]
    assert len(later) == 4 and all(row["steps_before"] for row in later)
    run = tmp_path / "run"
    penchant.train(
        str(shared / "models" / "tinystories-260k"),
        later,
        objective,
        run,
        batch_size=4,
        accumulate=1,
        max_steps=6,
        learning_rate=1e-4,
        schedule="constant",
        warmup=0.0,
        samples=0,
        device="cpu",
        chat_template="plain",
    )
    told = losses(run)
    assert len(told) == 6
    assert fmean(told[-2:]) < fmean(told[:2])
