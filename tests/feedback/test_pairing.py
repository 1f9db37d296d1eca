"""Rankings become the comparisons that one would write by hand."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.feedback import read
from penchant.feedback.pairing import HOW, How, paired, pairs_of
from penchant.feedback.records import Comparison
from penchant.feedback.sources import Sources, read_sources

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
ROW: dict[str, Any] = {"prompt": "Hi", "completions": ["b", "a", "d", "c"], "scores": [3, 5, 1, 2.5]}


def compared(row: dict[str, Any], how: How) -> list[tuple[Any, Any]]:
    return [(each.chosen, each.rejected) for each in paired(read([row]), how).feedback]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("best_worst", ["ad"]),
        ("adjacent", ["ab", "bc", "cd"]),
        ("best_rest", ["ab", "ac", "ad"]),
        ("all", ["ab", "ac", "ad", "bc", "bd", "cd"]),
    ],
)
def test_each_way_by_hand(how: How, expected: list[str]) -> None:
    assert compared(ROW, how) == [tuple(pair) for pair in expected]
    ranked = {"prompt": "Hi", "completions": ROW["completions"], "ranks": [2, 1, 4, 3]}
    assert compared(ranked, how) == [tuple(pair) for pair in expected]


def test_it_equals_pairs_that_were_written_by_hand() -> None:
    by_hand = read(
        [
            {
                "prompt": "Hi",
                "chosen": "a",
                "rejected": "d",
                "margin": 4,
                "chosen_score": 5,
                "rejected_score": 1,
                "topic": "greetings",
                "tools": [TOOL],
            }
        ]
    )
    assert paired(read([{**ROW, "topic": "greetings", "tools": [TOOL]}])).feedback.fingerprint == by_hand.fingerprint


def test_the_margin_of_ranks_is_their_difference() -> None:
    [pair] = paired(read([{"prompt": "Hi", "completions": ["x", "y", "z"], "ranks": [3, 1, 7]}])).feedback
    assert pair.fields == {"margin": 6.0}


@given(st.lists(st.integers(0, 4), min_size=2, max_size=7))
def test_ties_give_no_pair_and_better_means_better(quality: list[int]) -> None:
    every = set(pairs_of(quality, "all"))
    expected = {
        (i, j) if quality[i] > quality[j] else (j, i)
        for i, j in combinations(range(len(quality)), 2)
        if quality[i] != quality[j]
    }
    assert every == expected
    for how in HOW:
        found = list(pairs_of(quality, how))
        assert set(found) <= every and len(found) == len(set(found)) and bool(found) == bool(every)
    assert all(quality[better] == max(quality) for better, _ in pairs_of(quality, "best_rest"))
    between = {(i, j) for i, j in every if any(quality[i] > other > quality[j] for other in quality)}
    assert set(pairs_of(quality, "adjacent")) == every - between


@pytest.mark.parametrize("how", list(HOW))
def test_the_pairs_of_a_ranking_share_its_weight(how: How) -> None:
    rows = [ROW, {**ROW, "weight": 3.0}]
    pairs = list(paired(read(rows), how).feedback)
    for line, expected in (("memory:1", 1.0), ("memory:2", 3.0)):
        weights = [each.fields.get("weight", 1.0) for each in pairs if str(each.source) == line]
        assert sum(weights) == pytest.approx(expected) and len(set(weights)) == 1


def test_equal_scores_and_equal_texts_give_none_and_are_counted() -> None:
    rows = [
        ROW,
        {"prompt": "Bye", "completions": ["x", "y"], "scores": [2, 2]},
        {"prompt": "So", "completions": ["x", "x", "y"], "scores": [3, 1, 2]},
    ]
    found = paired(read(rows))
    assert (len(found.feedback), found.rankings, found.equal) == (1, 3, 2)
    assert [(each.chosen, each.rejected) for each in paired(read(rows[2:]), "all").feedback] == [("x", "y"), ("y", "x")]  # type: ignore[attr-defined]


def test_fields_of_the_two_responses_go_with_them() -> None:
    entries = [{"text": "a", "score": 1, "model": "one"}, {"text": "b", "score": 2, "model": "two"}]
    entries.append({"text": "c", "score": 3, "model": "three"})
    [pair] = paired(read([{"prompt": "Hi", "completions": entries}])).feedback
    assert pair.fields["completion_fields"] == [{"model": "three"}, {"model": "one"}]


def test_other_kinds_stay_and_sources_are_converted_apart() -> None:
    pairs = read([{"prompt": "Hi", "chosen": "a", "rejected": "b"}])
    assert paired(pairs).feedback is pairs
    mixture = read_sources(
        [{"data": [ROW, ROW], "weight": 2}, {"data": [{"prompt": "Hi", "chosen": "a", "rejected": "b"}]}]
    )
    found = paired(mixture, "best_rest").feedback
    assert isinstance(found, Sources) and found.weights == (2.0, 1.0)
    assert [len(part) for part in found.parts.values()] == [6, 1]
    assert all(isinstance(each, Comparison) for each in found)
