"""Shifts of comparisons change one part of a record, both responses alike, and keep its words' order."""

from __future__ import annotations

import pytest

from penchant.diagnostics.shifts import SHIFTS, misspelled, shifted
from penchant.feedback.records import Comparison

RECORD = Comparison(
    prompt=[{"role": "user", "content": "Do you know the answer?"}],
    chosen="I do not know. However, that is not known to anyone about everything.",
    rejected="Because of that, the answer is not known to whoever wonders.",
)


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_changes_its_part_alone(name: str) -> None:
    part, _ = SHIFTS[name]
    row = shifted(RECORD, name)
    assert (row["prompt"] != RECORD.prompt) == (part == "prompt")
    assert (row["chosen"] != RECORD.chosen) == (row["rejected"] != RECORD.rejected) == (part == "responses")
    assert RECORD.prompt[0]["content"] == "Do you know the answer?"  # type: ignore[index]
    if part == "prompt":
        assert row["prompt"][-1]["role"] == "user" and row["prompt"][-1]["content"].endswith("the answer?")  # type: ignore[index]


@pytest.mark.parametrize("name", SHIFTS)
def test_equal_responses_stay_equal(name: str) -> None:
    row = shifted(Comparison(prompt="Hi", chosen="I do not know anything.", rejected="I do not know anything."), name)
    assert row["chosen"] == row["rejected"]


def test_misspelling_keeps_letters_ends_and_the_share() -> None:
    text = " ".join(f"{first}onderful{last}s" for first in "abcdefghijklmnopqrst" for last in "abcdefghijklmnopqrst")
    words, others = text.split(), misspelled(text).split()
    assert [sorted(each) for each in words] == [sorted(each) for each in others]
    assert all(one[0] == other[0] and one[-1] == other[-1] for one, other in zip(words, others, strict=True))
    assert sum(one != other for one, other in zip(words, others, strict=True)) / len(words) == pytest.approx(
        0.3, abs=0.1
    )
    assert misspelled(text, 0.0) == text
