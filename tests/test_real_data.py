"""Real preferences, a real (tiny) language model: training must beat chance and the untrained model on unseen pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.app import main


@pytest.mark.long
def test_harmlessness_preferences_are_learned(shared: Path, tmp_path: Path) -> None:
    """The chosen answers of this set are the shorter ones (76 against 89 tokens here).

    So a sum of log-probabilities prefers them untrained; the implicit reward starts at a tie for every pair, and the
    mean log-probability of a token prefers the rejected answers: neither is helped by length.
    """
    run = tmp_path / "run"
    arguments = ["train", "--model", str(shared / "models" / "tinystories-260k"), "--out", str(run)]
    arguments += ["--data", str(shared / "data" / "hh_harmless.jsonl.gz"), "--chat-template", "plain"]
    keys = ["split=train", "eval_split=test", "max_length=256", "batch_size=16", "max_steps=50", "samples=0"]
    assert main([*arguments, *keys, "learning_rate=1e-3", "--set", "beta=0.05"]) == 0
    summary = json.loads((run / "summary.json").read_text())
    before, after = summary["before"], summary["after"]
    assert before["rewards/accuracy"] == 0.5 and before["rewards/ties"] == 1.0 and before["rewards/margin"] == 0.0
    assert after["rewards/accuracy"] > 0.6 and summary["intervals"]["rewards/accuracy"][0] > 0.5
    assert after["rewards/margin"] > 0.0 and summary["intervals"]["rewards/margin"][0] > 0.0
    assert after["loss"] < before["loss"]
    assert after["logps/accuracy"] > before["logps/accuracy"] + 0.03
    cut = summary["cut"]
    assert cut["dropped"] and cut["kept"] + cut["dropped"] > 1500, "what was left out is counted"
    assert (run / "report.html").is_file()
