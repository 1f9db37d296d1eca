"""Lists and interactions of any names: what is read, what is refused, and what is measured of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.recommendation.interactions import Interactions, read_interactions, read_lists
from penchant.evaluation.recommendation.measured import PAIRS, measure_lists

ITEMS = [f"game {number}" for number in range(30)]


def taken(users: int = 20) -> Interactions:
    rng = np.random.default_rng(0)
    weights = 1 / np.arange(1, 31)
    rows = [
        {"user": f"u{user}", "items": rng.choice(ITEMS, 6, replace=False, p=weights / weights.sum()).tolist()}
        for user in range(users)
    ]
    return Interactions.of(rows, last=2, catalogue=ITEMS)


def rows_of(lists: list[list[int]], interactions: Interactions) -> list[dict[str, Any]]:
    names = {number: name for name, number in interactions.numbers.items()}
    return [
        {"user": user, "items": [names[each] for each in items]}
        for user, items in zip(interactions.users, lists, strict=True)
    ]


def test_the_last_items_are_the_test_and_nothing_is_relevant_that_was_taken_before() -> None:
    found = Interactions.of([{"user": 1, "items": ["a", "b", "a", "c"]}], last=2)
    assert found.seen == (frozenset({1, 2}),) and found.relevant == (frozenset({3}),)


def test_users_of_other_splits_are_profiles_only() -> None:
    rows = [{"user": 1, "items": [7, 8], "split": "train"}, {"user": 2, "items": [8, 9], "split": "test"}]
    found = Interactions.of(rows)
    assert found.users == ("2",) and len(found.profiles) == 2 and found.profiles[0] == {1, 2}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"user": "ann", "items": ["a"]}], "User 'ann' has 1 interactions, of which the last 1 would be the test"),
        ([{"user": 1, "items": ["a", "b"]}] * 2, "User '1' stands in two rows"),
        ([{"user": 1, "games": []}], "has the fields user, games, expected 'user' and the list 'items'"),
        ([{"user": 1, "items": ["a", "b"], "split": "train"}], "No user is tested"),
    ],
)
def test_interactions_that_cannot_be_tested_are_refused(rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Interactions.of(rows)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no list, expected at least k = 2"),
        ([{"user": 1, "items": ["a"]}], "a list of 1 items, expected at least k = 2"),
        ([{"user": 1, "items": ["a", "x"]}], "is recommended 'x', which is not in the catalogue"),
        ([{"user": 1, "items": ["a", "b"]}] * 2, "User '1' has two lists"),
        ([{"user": 1, "items": ["b", "b"]}], "twice"),
    ],
)
def test_lists_that_do_not_fit_are_refused(rows: list[dict[str, Any]], said: str) -> None:
    interactions = Interactions.of([{"user": 1, "items": ["a", "b", "c"]}], catalogue=["d", "e"])
    with pytest.raises(DataError, match=said):
        measure_lists({"mine": rows}, interactions, k=2)


def test_the_point_of_the_frontier_has_no_distance_and_no_system_beats_the_relevant_end() -> None:
    interactions = taken()
    rng = np.random.default_rng(1)
    random_lists = [[each for each in rng.permutation(30) + 1 if each not in seen][:5] for seen in interactions.seen]
    same = [[each for each in range(1, 31) if each not in seen][:5] for seen in interactions.seen]
    systems = {"random": rows_of(random_lists, interactions), "same": rows_of(same, interactions)}
    found = measure_lists(systems, interactions, k=5, points=None)
    assert found.frontier is not None
    for pair in PAIRS:
        path = found.frontier.pair(*pair)
        assert found.references[pair] in path
        assert found.measures["random"][pair[0]] <= path[0][0]
        assert found.measures["random"][f"DPFR {pair[0]} {pair[1]}"] > 0
    assert found.measures["random"]["Gini_our"] < found.measures["same"]["Gini_our"]
    assert found.measures["random"]["coverage"] > found.measures["same"]["coverage"]
    better = {row["measure"]: row["better"] for row in found.rows()}
    assert better["NDCG"] == better["novelty"] == "higher"
    assert better["Gini_our"] == better["DPFR NDCG Gini_our"] == "lower"


def test_alpha_moves_the_reference_point_from_relevant_to_fair() -> None:
    interactions = taken()
    same = [[each for each in range(1, 31) if each not in seen][:5] for seen in interactions.seen]
    systems = {"same": rows_of(same, interactions)}
    goals = [
        measure_lists(systems, interactions, k=5, pairs=PAIRS[:1], alpha=alpha).references[PAIRS[0]]
        for alpha in (0.0, 0.5, 1.0)
    ]
    assert [relevance for relevance, _ in goals] == sorted((each for each, _ in goals), reverse=True)
    assert [unfair for _, unfair in goals] == sorted((each for _, each in goals), reverse=True)


def test_a_frontier_is_computed_only_where_it_is_asked_for() -> None:
    interactions = taken()
    same = [[each for each in range(1, 31) if each not in seen][:5] for seen in interactions.seen]
    found = measure_lists({"same": rows_of(same, interactions)}, interactions, k=5, pairs=())
    assert found.frontier is None and not any(name.startswith("DPFR") for name in found.measures["same"])
    with pytest.raises(ConfigurationError, match="no system"):
        measure_lists({}, interactions)
    with pytest.raises(ConfigurationError, match="no measure 'NDGC'"):
        measure_lists({"same": rows_of(same, interactions)}, interactions, k=5, pairs=[("NDGC", "Gini_our")])


def test_files_are_read_with_and_without_compression(tmp_path: Path) -> None:
    lines = '{"user": 1, "items": ["a", "b"]}\n\n{"user": 2, "items": ["b", "c"]}\n'
    (tmp_path / "plain.jsonl").write_text(lines)
    with gzip.open(tmp_path / "packed.jsonl.gz", "wt") as file:
        file.write(lines)
    assert read_interactions(tmp_path / "plain.jsonl") == read_interactions(tmp_path / "packed.jsonl.gz")
    assert read_lists(tmp_path / "plain.jsonl")[1] == {"user": 2, "items": ["b", "c"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "lists.jsonl:1: The line is not JSON"), (json.dumps([1]), "expected a JSON object")],
)
def test_files_of_something_else_are_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "lists.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_lists(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_lists(tmp_path / "absent.jsonl")


def test_a_number_names_the_user_and_the_item_that_its_digits_name() -> None:
    taken = Interactions.of([{"user": 1, "items": [10, 20]}, {"user": "2", "items": ["20"], "relevant": [30]}])
    assert taken.lists([{"user": "1", "items": ["20"]}, {"user": 2, "items": [30]}], 1) == [[2], [3]]
