"""Scores of a model's folder on held-out data."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.evaluation.policies.held_out import Measure
from penchant.evaluation.scoring import score
from small_runs import model_folder, write_pairs


def test_the_scores_are_those_of_the_scored_file(tmp_path: Path) -> None:
    model, data = model_folder(tmp_path / "model"), str(write_pairs(tmp_path / "pairs.jsonl"))
    rows = score(str(model), data).rows
    chosen = [row["responses"][0] for row in rows]
    loss = -sum(each["logp"] for each in chosen) / sum(each["tokens"] for each in chosen)
    assert Measure("likelihood", data)(model) == pytest.approx(-loss)
    wins = sum(row["responses"][0]["mean_logp"] > row["responses"][1]["mean_logp"] for row in rows)
    assert Measure("accuracy", data)(model) == pytest.approx(wins / len(rows))


def test_a_judge_scores_what_the_model_writes(tmp_path: Path) -> None:
    model, data = model_folder(tmp_path / "model"), str(write_pairs(tmp_path / "pairs.jsonl"))
    measure = Measure("judge", data, {"name": "pattern_judge"}, prompts=2, max_new_tokens=3)
    with pytest.raises(ConfigurationError, match="pattern_judge"):
        measure(model)
    (tmp_path / "brief.py").write_text("def score(prompt, response):\n    return float(len(response))\n")
    lengths = {"name": "function", "path": f"{tmp_path}/brief.py:score"}
    assert Measure("judge", data, lengths, prompts=2, max_new_tokens=3)(model) > 0


def test_measures_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="belong together"):
        Measure("judge", "pairs.jsonl")
    with pytest.raises(ConfigurationError, match="no measure 'loss'"):
        Measure("loss", "pairs.jsonl")
