"""Training on single steps of real solutions."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest

import penchant
from penchant.curation.step_pairs import StepPairs
from penchant.feedback import read
from small_runs import losses
from training.views_read import views_read

SIDES = ("chosen", "rejected")


@pytest.mark.parametrize("objective", ["dpo", "orpo", "kto"])
def test_a_method_learns_single_steps_of_real_solutions(
    objective: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    texts = views_read(monkeypatch, shared / "models" / "tinystories-260k")
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
    # The step alone is learned, after the prompt and the steps before it.
    if objective == "kto":
        assert {each[1] for each in texts["responses"]} == {tight(row[side]) for row in later for side in SIDES}
        return
    for side in SIDES:
        assert {each[1] for each in texts[side]} == {tight(row[side]) for row in later}
        for row in later:
            (before,) = {before for before, step in texts[side] if step == tight(row[side])}
            assert before.endswith(tight(row["steps_before"])) and tight(row["prompt"]) in before


def test_chosen_steps_lead_to_right_answers_and_rejected_ones_do_not(shared: Path) -> None:
    """Said by the solutions themselves: which of them begin with the steps of a pair."""
    records = read(shared / "data" / "gsm8k_solutions.jsonl.gz")[:60]
    solutions = {
        record.prompt: list(zip(map(as_steps, record.completions), record.scores, strict=True)) for record in records
    }
    rows = StepPairs().build(records).rows
    assert len(rows) > 100
    for row in rows:
        for side, expected in zip(SIDES, (1.0, 0.0), strict=True):
            steps = [*as_steps(row["steps_before"]), tight(row[side])]
            scores = [score for found, score in solutions[row["prompt"]] if found[: len(steps)] == steps]
            assert max(scores) == expected


def as_steps(text: str) -> list[str]:
    return [tight(line) for line in text.splitlines() if line.strip()]


def tight(text: str) -> str:
    return "".join(text.split())
