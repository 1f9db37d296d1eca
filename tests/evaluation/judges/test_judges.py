"""How good a judge is: sections of RewardBench, ties, and biases."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from penchant.errors import DataError
from penchant.evaluation.judges.biases import calibration_error, length_preference, position_bias
from penchant.evaluation.judges.reward_bench import COUNTS, SECTIONS, pair_accuracy, section_scores, ties_score


def test_constant_rewards_score_nothing_or_half() -> None:
    assert pair_accuracy([1.0] * 4, [1.0] * 4) == 0 and pair_accuracy([1.0] * 4, [1.0] * 4, ties=0.5) == 0.5


def test_splitting_a_subset_changes_no_section() -> None:
    whole = section_scores({"a": 0.7, "b": 0.2}, {"a": 30, "b": 10}, {"s": ["a", "b"]})
    parts = section_scores({"a": 0.7, "c": 0.7, "b": 0.2}, {"a": 20, "c": 10, "b": 10}, {"s": ["a", "b", "c"]})
    assert whole["s"] == pytest.approx(parts["s"])


def test_generated_subsets_weigh_as_in_reward_bench() -> None:
    rng = random.Random(0)
    counts = {name: COUNTS.get(name, rng.randint(50, 150)) for subsets in SECTIONS.values() for name in subsets}
    accuracy = {name: rng.random() for name in counts}
    found = section_scores(accuracy, counts)
    code = [name for name in SECTIONS["Reasoning"] if name.startswith("hep")]
    weighted = sum(accuracy[name] * counts[name] for name in code) + 984 * accuracy["math-prm"]
    assert found["Reasoning"] == pytest.approx(weighted / (sum(counts[name] for name in code) + 984))


def test_ties_reward_a_small_spread_and_a_large_gap() -> None:
    good = [
        {"id": "tied:1", "scores": [3.0, 2.9, 0.0], "num_correct": 2},
        {"id": "ref:1", "scores": [3.0, 0.0], "num_correct": 1},
    ]
    wide = [{**good[0], "scores": [9.0, 2.9, 0.0]}, good[1]]
    assert ties_score(good)[0] > ties_score(wide)[0] and ties_score(good)[1] == [True, True]
    with pytest.raises(DataError, match="other"):
        ties_score([{"id": "other:1", "scores": [1.0, 0.0], "num_correct": 1}])


def test_a_judge_that_takes_the_first_is_never_consistent() -> None:
    with pytest.raises(DataError, match="'1'"):
        position_bias([("1", "1")], [1])  # type: ignore[list-item]
    found = position_bias([(1, 2)] * 8 + [(None, 1)], [1] * 9)
    assert found.consistent.value == 0 and found.first == 1 and found.accuracy == 0.5 and found.unread == 1


def test_a_judge_that_takes_the_longer_is_seen() -> None:
    assert length_preference([(1, 2), (3, 1)], [2, 1]).value == 1
    with pytest.raises(DataError):
        length_preference([(1, 1)], [1])


def test_an_overconfident_judge_is_not_calibrated() -> None:
    assert calibration_error([1.0] * 10, [1, 0] * 5) == pytest.approx(0.5)


def test_votes_of_real_judges(shared: Path) -> None:
    votes: dict[str, list[tuple[int | None, int | None]]] = {}
    labels: dict[str, list[int]] = {}
    with gzip.open(shared / "data" / "judge_votes.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            for name, (one, two) in row["judges"].items():
                votes.setdefault(name, []).append(tuple(each and int(each) for each in (one, two)))
                labels.setdefault(name, []).append(row["label"])
    found = {name: position_bias(own, labels[name]) for name, own in votes.items() if len(own) > 200}
    assert len(found) > 3
    best = max(found, key=lambda name: found[name].accuracy)
    assert "GPT-4" in best and found[best].accuracy > 0.8
    assert all(each.consistent_accuracy <= each.consistent.value <= 1 for each in found.values())
