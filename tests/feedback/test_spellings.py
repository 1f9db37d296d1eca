"""Every common spelling of good and bad is read, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback import Judgement, read
from penchant.feedback.spellings import BAD, GOOD, spelled


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (True, False), (1, 0), (1.0, 0.0), (1, -1), ("1.0", "0.0"), ("+1", "-1"), ("True", "FALSE"), ("yes", "No"),
        ("good", "bad"), ("thumbs_up", "thumbs_down"), ("Thumbs-Up", "thumbs down"), (":thumbsup:", ":thumbsdown:"),
        ("👍", "👎"), ("👍🏽", "👎🏿"), ("desirable", "undesirable"), ("like", "dislike"), ("positive", "negative"),
        ("accepted", "rejected"), ("correct", "incorrect"), ("upvote", "downvote"), (" Y ", "n"),
    ],
)  # fmt: skip
def test_a_spelling_is_read(good: Any, bad: Any) -> None:
    rows = [{"prompt": "Hi", "completion": "Hello!", "label": label} for label in (good, bad)]
    labels = [record.label for record in read(rows) if isinstance(record, Judgement)]
    assert labels == [True, False]


@pytest.mark.parametrize("value", ["maybe", 2, 0.5, "neutral", "", None, "not good", [1], -2])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"'label' is .*expected true or false"):
        read([{"prompt": "Hi", "completion": "Hello!", "label": value}])


def test_no_spelling_means_both() -> None:
    assert not set(GOOD) & set(BAD)
    assert all(spelled(word) is True for word in GOOD) and all(spelled(word) is False for word in BAD)
