"""Comparisons from votes: the gap, the period, and the order of pairs."""

from __future__ import annotations

import pytest

from penchant.curation.votes_to_pairs import VotesToPairs
from penchant.errors import DataError
from penchant.feedback import read

POST = {
    "prompt": "Why?",
    "completions": ["a", "b", "c"],
    "scores": [5, 9, -2],
    "created": ["2020-01-01", "2020-01-03", "2021-01-01"],
    "id": 4,
}


def test_more_votes_are_chosen_and_the_clearest_pair_comes_first() -> None:
    built = VotesToPairs().build(read([POST]))
    assert [(row["chosen"], row["rejected"]) for row in built.rows] == [("b", "c"), ("a", "c"), ("b", "a")]
    assert all(row["chosen_score"] > row["rejected_score"] and row["id"] == 4 for row in built.rows)
    assert read(list(built.rows)).kind == "comparison"
    assert [row["rejected"] for row in VotesToPairs(most=1).build(read([POST])).rows] == ["c"]


def test_close_votes_and_other_periods_are_dropped_and_counted() -> None:
    built = VotesToPairs(gap=5, within_days=30).build(read([POST]))
    assert not built.rows
    assert built.counts == {
        "records read": 1,
        "dropped: the votes are too close": 1,
        "dropped: written in different periods": 2,
    }


@pytest.mark.parametrize("created", [None, ["2020-01-01"], ["now", "then", "never"], ["2020-01-01"] * 2 + [3]])
def test_dates_that_are_none_are_refused_with_their_place(created: object) -> None:
    with pytest.raises(DataError, match=r"memory:1.*expected 3 dates"):
        VotesToPairs(within_days=1).build(read([{**POST, "created": created}]))


def test_equal_votes_give_no_pair() -> None:
    assert not VotesToPairs(gap=0.5).build(read([{**POST, "scores": [1, 1, 1]}])).rows
