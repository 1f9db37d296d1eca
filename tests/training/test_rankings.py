"""Objectives of lists train from a file of rankings."""

from __future__ import annotations

import json
from pathlib import Path

import penchant
from small_runs import COLOURS, THINGS, losses, metrics


def test_a_file_of_rankings_with_scores_moves_the_model_towards_them(folder: Path, tmp_path: Path) -> None:
    rows = [
        {
            "prompt": f"which colour is the {thing}",
            # Two to four answers, of which the coloured ones are good: lists need not have one length.
            "completions": [f" the {thing} is {colour}" for colour in COLOURS[: 1 + number % 3]] + [" not good"],
            "scores": [2.0] * (1 + number % 3) + [-1.0],
        }
        for number, thing in enumerate(THINGS)
    ]
    data = tmp_path / "rankings.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = {"batch_size": 6, "max_steps": 6, "learning_rate": 1e-2, "warmup": 0.0, "samples": 0}
    run = penchant.train(folder, data, "exo-rw", tmp_path / "run", eval_data=data, eval_every=6, **recipe).folder
    found = losses(run)
    assert len(found) == 6 and found[-1] < 0.5 * found[0]
    assert metrics(run, "eval")[6]["loss"] < found[0]
