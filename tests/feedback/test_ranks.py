"""Ranks of lists: what counts as a rank, partial rankings, and ranks that follow from scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.ranks import ranks_of_scores, response_field
from penchant.feedback.records import Comparison, Judgement, Ranking


def ranked(values: Any, **more: Any) -> Ranking:
    """A list of three with these ranks."""
    (record,) = read([{"prompt": "Q", "completions": ["a", "b", "c"], "ranks": values, **more}])
    assert isinstance(record, Ranking)
    return record


@pytest.mark.parametrize(
    ("values", "ranks"),
    [
        ([1, 2, 3], (1, 2, 3)),
        ([2, 1, 2], (2, 1, 2)),
        ([1, 1, 7], (1, 1, 7)),
        ([3.0, 2.0, 1.0], (3, 2, 1)),
        ([np.int64(1), np.int64(2), np.float64(3)], (1, 2, 3)),
        ([None, 1, None], (2, 1, 2)),
        ([1, 2, None], (1, 2, 3)),
        ([4, None, 1], (4, 5, 1)),
    ],
)
def test_ties_gaps_and_the_best_m_alone(values: list[Any], ranks: tuple[int, ...]) -> None:
    assert ranked(values).ranks == ranks


@pytest.mark.parametrize("entries", [[{"rank": 2}, {"rank": 1}, {}], [{"rank": 2}, {"rank": 1}, {"rank": None}]])
@pytest.mark.parametrize("column", ["completions", "answers"])
def test_objects_without_a_rank_come_after_those_with_one(entries: list[dict[str, Any]], column: str) -> None:
    texts = [{"text": text, **entry} for text, entry in zip("abc", entries, strict=True)]
    (record,) = read([{"prompt": "Q", column: texts}])
    assert isinstance(record, Ranking) and record.ranks == (2, 1, 3) and len(record.responses) == 3


@pytest.mark.parametrize("texts", ["completions", "answers", "outputs", "candidates", "generations", "responses"])
def test_a_partial_ranking_keeps_its_unranked_responses(texts: str) -> None:
    (record,) = read([{"instruction": "Q", texts: ["a", "b", "c"], "ranks": [None, 1, None]}])
    assert isinstance(record, Ranking) and (record.responses, record.ranks) == (("a", "b", "c"), (2, 1, 2))


@pytest.mark.parametrize(
    ("values", "found", "fix"),
    [
        ([0, 1, 2], r"ranks\[0\]", "Count from 1"),
        ([1, -2, 3], r"ranks\[1\]", "--map scores=COLUMN"),
        ([1, 1.5, 2], r"ranks\[1\]", "--map scores=COLUMN"),
        (["1", "2", "3"], r"ranks\[0\]", "without quotes"),
        ([1, "first", 2], r"ranks\[1\]", "without quotes"),
        ([1, True, 2], r"ranks\[1\]", "1 is best"),
        ([1, float("nan"), 2], r"ranks\[1\]", "1 is best"),
        ([1, float("inf"), 2], r"ranks\[1\]", "1 is best"),
        ([None, None, None], "ranks", "at least one rank"),
        ("abc", "ranks", "a list of 3 ranks"),
        ([1, 2], "ranks", "2 entries, but there are 3"),
    ],
)
def test_what_is_no_rank_is_an_error_that_says_so(values: Any, found: str, fix: str) -> None:
    with pytest.raises(DataError, match=found) as error:
        ranked(values)
    assert fix in str(error.value) and "memory:1" in str(error.value)


def test_a_list_of_one_is_an_error() -> None:
    with pytest.raises(DataError, match="expected at least 2"):
        read([{"prompt": "Q", "completions": ["a"], "ranks": [1]}])
    with pytest.raises(DataError, match="identical"):
        read([{"prompt": "Q", "completions": ["a", "a"], "ranks": [1, 2]}])


@given(st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=8))
def test_ranks_of_scores_keep_their_order_and_their_ties(scores: list[float]) -> None:
    ranks = ranks_of_scores(scores)
    assert min(ranks) == 1
    for first, of_first in zip(scores, ranks, strict=True):
        assert of_first == 1 + sum(other > first for other in scores)
        for other, of_other in zip(scores, ranks, strict=True):
            assert (first > other) is (of_first < of_other) and (first == other) is (of_first == of_other)


def test_ranks_that_are_given_are_not_derived_from_scores() -> None:
    assert response_field(ranked([3, 1, 2], scores=[0.0, 5.0, 9.0]), "ranks") == (3, 1, 2)
    (scored,) = read([{"prompt": "Q", "completions": ["a", "b"], "scores": [1, 2]}])
    assert response_field(scored, "ranks") == (2, 1) and response_field(scored, "margin") is None


def test_a_comparison_is_a_list_of_two_and_a_judgement_is_none() -> None:
    pair = Comparison(prompt="Q", chosen="a", rejected="b")
    assert response_field(pair, "ranks") == (1, 2) and response_field(pair, "scores") is None
    scored = Comparison(prompt="Q", chosen="a", rejected="b", fields={"chosen_score": 4.0, "rejected_score": 1.0})
    assert response_field(scored, "scores") == (4.0, 1.0)
    assert response_field(Judgement(prompt="Q", completion="a", label=True), "ranks") is None


def test_real_rankings_with_ties_and_gaps(shared: Path) -> None:
    found = read(shared / "data" / "image_rankings.jsonl.gz", mapping={"completions": "images"}, on_bad="skip")
    ranks = [record.ranks for record in found if isinstance(record, Ranking) and record.ranks]
    assert len(ranks) > 200 and min(map(min, ranks)) == 1
    assert any(len(set(each)) < len(each) for each in ranks) and any(max(each) > len(set(each)) for each in ranks)
