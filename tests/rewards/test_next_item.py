"""The judge of lists of items."""

from __future__ import annotations

import pytest

from penchant.errors import DataError
from penchant.feedback.records import Demonstration, Prompt
from penchant.rewards.next_item import NextItem


def judge(**settings: bool) -> NextItem:
    made = NextItem(**settings)
    made.read([Demonstration(prompt="x", completion="a"), Demonstration(prompt="y", completion="b")])
    return made


def test_earlier_wrong_items_cost_more_and_only_where_the_target_is_found() -> None:
    first, second, hit, last = judge().score("x", ["b", "c", "a", "d"])
    assert first < second < last < 0 < hit == 1
    assert judge().score("y", ["c", "a"]) == [0, 0]


def test_each_part_can_be_left_out() -> None:
    assert judge(places=False).score("x", ["b", "a"]) == [0, 1]
    wrong, right = judge(hits=False).score("x", ["b", "a"])
    assert wrong < 0 == right


def test_users_with_one_history_may_have_taken_different_items() -> None:
    made = NextItem()
    made.read([Demonstration(prompt="x", completion=each) for each in ("a", "b")])
    assert [made.score("x", [each, "c"])[0] for each in ("a", "b", "d")] == [1, 1, 0]


def test_a_record_without_an_item_is_refused() -> None:
    with pytest.raises(DataError, match="item that the user took"):
        NextItem().read([Prompt(prompt="x")])
