"""Records that repeat each other are found, counted across a split, and kept on one side of a split."""

from __future__ import annotations

import pytest

from penchant.checks.overlap import Overlap, groups, overlap
from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Comparison
from penchant.training.reading import Given, read_data
from penchant.training.recipe import make_recipe

WORDS = "the quick brown fox jumps over a lazy dog while seven wise owls watch from an old oak tree in silence".split()


def pair(number: int, *, last: str = "") -> Comparison:
    """A pair whose texts share no three words with those of another number."""
    words = [f"{word}{number}" for word in WORDS]
    return Comparison(
        prompt=f"question {number}{last}", chosen=" ".join(words), rejected=" ".join(reversed(words)) + last
    )


def test_prompts_and_near_duplicates_across_a_split_are_counted() -> None:
    train = [pair(1), pair(2), pair(3)]
    heldout = [Comparison(prompt=" QUESTION 1", chosen="a", rejected="b"), pair(2, last=" indeed"), pair(9)]
    assert overlap(train, heldout) == Overlap(held_out=3, same_prompt=1, near_duplicate=1)


def test_records_that_are_alike_among_themselves_are_no_overlap() -> None:
    assert overlap([pair(1)], [pair(2), pair(2, last=" indeed")]).share == 0.0


def test_groups_hold_prompts_and_near_duplicates_together() -> None:
    records = [pair(1), pair(2), pair(1, last=" indeed"), Comparison(prompt="Question 2 ", chosen="x", rejected="y")]
    assert groups([*records, pair(3), pair(4), pair(5)]) == [[0, 2], [1, 3], [4], [5], [6]]


def test_records_of_one_long_template_can_still_be_split() -> None:
    template = " ".join(WORDS * 4)
    records = [Comparison(prompt=f"{template} {number}", chosen="yes", rejected="no") for number in range(6)]
    assert len(groups(records)) == 6


def test_a_share_that_is_held_out_does_not_overlap() -> None:
    records = [pair(number // 2, last=" indeed" * (number % 2)) for number in range(40)]
    for seed in range(5):
        recipe = make_recipe({"model": "m", "data": "d", "eval_share": 0.3, "eval_seed": seed})
        train, heldout, _described = read_data(recipe, Given(data=Feedback(records, kind="comparison")))
        assert overlap(train.records, heldout.records).share == 0.0 and 8 <= len(heldout) <= 16


def test_the_error_of_a_single_prompt_names_the_remedy() -> None:
    recipe = make_recipe({"model": "m", "data": "d", "eval_share": 0.3})
    data = [{"prompt": "one", "chosen": f"a{number}", "rejected": "b"} for number in range(4)]
    with pytest.raises(DataError, match=r"only 1 distinct prompt.*eval_data"):
        read_data(recipe, Given(data=data))
