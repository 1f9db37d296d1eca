"""Judged responses: win rates, judges that cannot score, and where checkpoints are found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from penchant.errors import ConfigurationError, ModelError
from penchant.evaluation.policies.checkpoints import find_checkpoint, find_reference
from penchant.evaluation.policies.judging import judge_pairs
from penchant.feedback.reading import read
from penchant.feedback.records import Text
from penchant.rewards.judge import Judge

RECORDS = list(read([{"prompt": f"question {number}", "chosen": "a", "rejected": "b"} for number in range(4)]))


class Brevity(Judge):
    """Shorter is better; an empty response cannot be scored."""

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        return [-float(len(each)) if each else math.nan for each in responses]


def test_equal_responses_win_half_and_shorter_ones_win() -> None:
    same = judge_pairs("same", Brevity(), RECORDS, ["ab"] * 4, ["ab"] * 4)
    better = judge_pairs("short", Brevity(), RECORDS, ["a"] * 4, ["a" * 60] * 4)
    assert same.metrics["judge/win_rate"] == 0.5
    assert better.metrics["judge/win_rate"] > 0.99 and better.score == -1 and better.reference_score == -60


def test_responses_that_cannot_be_scored_are_counted() -> None:
    found = judge_pairs("some", Brevity(), RECORDS, ["a", "a", "", ""], ["a"] * 4)
    assert found.unread == 2 and found.wins is not None and found.wins.total == 2
    nothing = judge_pairs("none", Brevity(), RECORDS, [""] * 4, ["a"] * 4)
    assert nothing.wins is None and nothing.unread == 4


def test_a_run_knows_what_it_started_from(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "recipe.yaml").write_text("model: the-start\n")
    found = find_checkpoint(str(tmp_path))
    assert found.model == str(tmp_path / "model") and find_reference(None, [found]) == "the-start"
    with pytest.raises(ConfigurationError, match="--reference"):
        find_reference(None, [found, find_checkpoint("some/hub-id")])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        find_checkpoint(str(tmp_path))
