"""The recipe ``dr-irl`` in the loop: learned rewards, parts in the rounds, and a resumed run that agrees."""

from __future__ import annotations

import json
from pathlib import Path

from online.conftest import Run
from small_runs import largest_gap, pairs, weights, write_pairs


def test_a_run_learns_its_rewards_and_resumes_on_the_same_weights(online: Run, tmp_path: Path) -> None:
    rows = [
        {
            "prompt": row["prompt"],
            "completion": row["chosen"],
            "samples": [row["rejected"]],
            "category": f"c{place % 2}",
        }
        for place, row in enumerate(pairs(12))
    ]
    data = write_pairs(tmp_path / "demonstrations.jsonl", rows)
    keys = {"method": "dr-irl", "data": str(data), "judge": "inverse_rl", "pairing": "by_difficulty"}
    whole = online("whole", **keys)
    first = json.loads((whole.folder / "rounds" / "00001" / "rollouts.json").read_text())
    assert all(set(each["parts"]) == {"category", "dissimilarity", "gap"} for each in first)
    metrics = (whole.folder / "metrics.jsonl").read_text()
    assert "reward/gap" in metrics and "reward/dissimilarity" in metrics
    parted = online("parted", **{**keys, "iterations": 3})
    for last in (parted.folder / "states").glob("state-00003.*"):
        last.unlink()
    resumed = online("parted", resume=True, **keys)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0
