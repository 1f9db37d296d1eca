"""Files of interactions: users with items, or single interactions with times."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.errors import DataError
from penchant.feedback.interactions import History, check_known, read_histories


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_single_interactions_are_ordered_by_time(tmp_path: Path) -> None:
    path = written(tmp_path, "taken.csv", "user,item,time", "a,3,9", "b,1,5", "a,7,2", "a,4,9")
    assert [(each.user, each.items) for each in read_histories(path)] == [("a", ("7", "3", "4")), ("b", ("1",))]


def test_both_forms_give_the_same_histories(tmp_path: Path) -> None:
    whole = written(tmp_path, "whole.jsonl", '{"user": "a", "items": ["7", "3"]}', '{"user": "b", "items": [1]}')
    single = written(
        tmp_path,
        "single.jsonl",
        '{"user_id": "a", "item_id": 3, "timestamp": 2.5}',
        '{"user_id": "a", "item_id": 7, "timestamp": 1}',
        '{"user_id": "b", "item_id": 1, "timestamp": 0}',
    )
    first, second = ([(each.user, each.items) for each in read_histories(path)] for path in (whole, single))
    assert first == second


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"user": 1, "items": 3}', "needs 'items', a list"),
        ('{"items": [3]}', "no 'user'"),
        ('{"user": 1, "items": [3, null]}', "'items' is None"),
        ('{"user": 1, "items": [true]}', "'items' is True"),
        ('{"user": 9, "items": [3]}', "'9' stands twice"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = written(tmp_path, "taken.jsonl", '{"user": 9, "items": [3, 4]}', line)
    with pytest.raises(DataError, match=said) as caught:
        read_histories(path)
    assert str(caught.value).startswith(f"{path}:2")


@pytest.mark.parametrize("time", ["null", '"noon"', "NaN"])
def test_a_time_must_be_a_number(tmp_path: Path, time: str) -> None:
    path = written(tmp_path, "taken.jsonl", f'{{"user": 1, "item": 2, "time": {time}}}')
    with pytest.raises(DataError, match=r"time|NaN"):
        read_histories(path)


def test_an_unknown_item_is_named_with_its_user() -> None:
    check_known([History("5", ("17",))], {"17": 0}, "items.jsonl")
    with pytest.raises(DataError, match="'5' took the item '3'"):
        check_known([History("5", ("17", "3"))], {"17": 0}, "items.jsonl")
