"""Dialogues written as text (HH) whose answers part early are read as turns when every turn is learned."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.dialogues import turns_of

EARLY = {
    "chosen": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: More?\n\nAssistant: Yes",
    "rejected": "\n\nHuman: Hi\n\nAssistant: Hey\n\nHuman: More?\n\nAssistant: No",
}


def says(*texts: str) -> list[dict[str, Any]]:
    """Turns that alternate, the assistant's first."""
    return [{"role": ("assistant", "user")[at % 2], "content": text} for at, text in enumerate(texts)]


def test_an_early_parting_is_refused_with_the_key_that_allows_it() -> None:
    with pytest.raises(DataError, match=r"differ in turn 2, before the last answer.*train_on: assistant"):
        read([EARLY])


def test_dialogues_that_part_early_are_compared_by_all_that_the_assistant_says() -> None:
    (pair,) = read([EARLY], train_on="assistant")
    assert pair.prompt == [{"role": "user", "content": "Hi"}]
    assert pair.chosen == says("Hello", "More?", "Yes")
    assert pair.rejected == says("Hey", "More?", "No")


def test_records_that_part_late_are_read_alike() -> None:
    late = {"chosen": EARLY["chosen"], "rejected": EARLY["chosen"].replace("Yes", "No")}
    (pair,) = read([late], train_on="assistant")
    assert pair.prompt == [{"role": "user", "content": "Hi"}, *says("Hello", "More?")]
    assert (pair.chosen, pair.rejected) == (says("Yes"), says("No"))


def test_a_demonstration_answers_from_its_first_turn_on() -> None:
    prompt = EARLY["chosen"].removesuffix(" Yes")
    (shown,) = read([{"prompt": prompt, "completion": " Yes"}], train_on="assistant")
    assert shown.prompt == [{"role": "user", "content": "Hi"}]
    assert shown.completion == says("Hello", "More?", " Yes")


def test_only_one_side_that_is_a_dialogue_is_no_conversation() -> None:
    with pytest.raises(DataError, match=r"texts without a shared dialogue|do not answer the same history"):
        read([{"chosen": EARLY["chosen"], "rejected": "No."}], train_on="assistant")


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("\n\nHuman: Hi\n\nAssistant:", ["user"]),
        ("Human: Hi\n\nAssistant: Yes", ["user", "assistant"]),
        ("Be kind.\n\nHuman: Hi\n\nAssistant: Yes", ["system", "user", "assistant"]),
        ("\n\nHuman: Hi\n\nHuman: There?\n\nAssistant: Yes", ["user", "user", "assistant"]),
    ],
)
def test_turns(text: str, roles: list[str]) -> None:
    assert [turn["role"] for turn in turns_of(text) or []] == roles


@pytest.mark.parametrize("text", ["Hello", "\n\nHuman: Hi", "A word with Human: and Assistant: inside"])
def test_a_text_without_turns_of_both_is_no_dialogue(text: str) -> None:
    assert turns_of(text) is None
