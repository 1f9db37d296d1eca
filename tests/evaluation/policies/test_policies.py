"""Judged responses: win rates, judges that cannot score, and where checkpoints are found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from torch import Tensor

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


class Certain(Brevity):
    """Compares in its own way, all pairs at once."""

    calls = 0

    def compare_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        type(self).calls += 1
        return [super(Certain, self).compare(*each).round() for each in zip(prompts, responses, strict=True)]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        return self.compare_all([prompt], [responses])[0]


def test_a_judge_is_asked_for_all_records_at_once_and_its_scores_are_shown_beside_its_own_comparisons() -> None:
    found = judge_pairs("short", Certain(), RECORDS, ["a"] * 4, ["aaa"] * 4)
    assert Certain.calls == 1 and found.metrics["judge/win_rate"] == 1.0
    assert (found.score, found.reference_score) == (-1, -3)


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
