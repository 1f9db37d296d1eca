"""Trees of steps: every path to a leaf is a trajectory, and what is no tree is an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.records import Ranking, Source
from penchant.feedback.trees import joined, trajectories

TREE: list[dict[str, Any]] = [
    {"id": 1, "parent": None, "text": "a"},
    {"id": 2, "parent": 1, "text": "b"},
    {"id": 3, "parent": 1, "text": "c", "value": 0.2},
    {"id": 4, "parent": 2, "text": "d", "value": 0.9},
    {"id": 5, "parent": None, "text": "e", "value": -1},
]


def changed(place: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**node, **(changes if at == place else {})} for at, node in enumerate(TREE)]


def test_paths_to_leaves() -> None:
    found = trajectories(TREE, Source())
    assert [(each.nodes, each.value) for each in found] == [((1, 3), 0.2), ((1, 2, 4), 0.9), ((5,), -1.0)]
    assert [each.steps for each in found] == [("a", "c"), ("a", "b", "d"), ("e",)]


@given(st.lists(st.integers(0, 10), min_size=2, max_size=12))
def test_every_leaf_has_one_trajectory_whose_nodes_follow_one_another(draws: list[int]) -> None:
    parents = [None if not place or draw % (place + 1) == 0 else draw % place for place, draw in enumerate(draws)]
    nodes = [
        {"id": place, "parent": parent, "text": f"step {place}", "value": place} for place, parent in enumerate(parents)
    ]
    found = trajectories(list(reversed(nodes)), Source())
    assert {each.nodes[-1] for each in found} == set(range(len(nodes))) - set(parents)
    for each in found:
        assert [parents[name] for name in each.nodes] == [None, *each.nodes[:-1]]


def test_steps_are_joined_by_a_line_break_where_nothing_stands_between_them() -> None:
    assert joined(["a", "b\n", "c", " d"]) == "a\nb\nc d"


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (changed(0, parent=4), r"form a cycle: 1 → 2 → 4 → 1\."),
        ([{"id": 1, "parent": None, "text": "a"}], r"leaf 1 of the tree has no value"),
        (changed(0, parent=1), r"form a cycle: 1 → 1"),
        (changed(1, parent=7), r"the parent 7, which is not in the tree"),
        (changed(1, id=3), r"Two nodes of the tree have the id 3"),
        (changed(1, id=None), r"nodes\[1\].id"),
        (changed(3, value=None), r"leaf 4 of the tree has no value"),
        (changed(3, value="good"), r"value of node 4"),
        (changed(3, text=" "), r"text of the node 4"),
        ([TREE[0], TREE[1], TREE[3]], r"1 trajectory, expected at least 2"),
        ([TREE[4], {**TREE[4], "id": 6}], r"identical"),
    ],
)
def test_what_is_no_tree(nodes: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read([{"prompt": "Q", "nodes": nodes}])


def test_a_cycle_apart_from_every_leaf_is_found() -> None:
    cycle = [{"id": 8, "parent": 9, "text": "x", "value": 0}, {"id": 9, "parent": 8, "text": "y", "value": 0}]
    with pytest.raises(DataError, match="form a cycle"):
        read([{"prompt": "Q", "nodes": [*TREE, *cycle]}])


def test_other_columns_stay() -> None:
    (record,) = read([{"prompt": "Q", "nodes": TREE, "answer": "4"}])
    assert isinstance(record, Ranking) and record.fields["answer"] == "4" and "nodes" not in record.fields
