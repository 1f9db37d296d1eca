"""The prompt of a rationale: it shows both responses, in an order that the data determines."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback import Comparison, Source
from penchant.feedback.rationale import rationale_prompt

PAIR = {"prompt": "What is blue?", "chosen": "The sky.", "rejected": "Grass."}


def asked(**fields: Any) -> str:
    question = rationale_prompt(Comparison(**PAIR, fields=fields))
    assert isinstance(question, str)
    return question


def test_the_chosen_response_is_the_first_assistant_unless_the_record_says_otherwise() -> None:
    question = asked()
    assert question == asked(rationale_first="chosen")
    places = [question.index(part) for part in ("blue", "Assistant 1", "sky", "Assistant 2", "Grass", "preferable")]
    assert places == sorted(places)
    swapped = asked(rationale_first="rejected")
    assert swapped == rationale_prompt(Comparison(prompt=PAIR["prompt"], chosen="Grass.", rejected="The sky."))


def test_by_hash_the_order_is_stable_balanced_and_independent_of_the_label() -> None:
    first = []
    for number in range(200):
        prompt = f"What is number {number}?"
        pair = {"chosen": "The sky.", "rejected": "Grass."}
        turned = {"chosen": "Grass.", "rejected": "The sky."}
        one, again, other = (
            rationale_prompt(Comparison(prompt=prompt, **texts, fields={"rationale_first": "hash"}, source=source))
            for texts, source in ((pair, Source("a", 1)), (pair, Source("b", 2)), (turned, Source()))
        )
        assert one == again == other
        first.append(str(one).index("sky") < str(one).index("Grass"))
    assert 70 <= sum(first) <= 130


def test_conversations_are_written_with_roles_in_one_user_turn() -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "So?"},
    ]
    (turn,) = rationale_prompt(
        Comparison(
            prompt=turns,
            chosen=[{"role": "assistant", "content": "Yes."}],
            rejected=[{"role": "assistant", "content": "No."}],
        )
    )
    assert turn["role"] == "user"
    assert "user: Hi\nassistant: Hello\nuser: So?" in turn["content"] and "\nYes.\n" in turn["content"]


def test_another_order_is_refused() -> None:
    with pytest.raises(DataError, match="'rationale_first' is 'last', expected 'chosen' or 'rejected' or 'hash'"):
        asked(rationale_first="last")
