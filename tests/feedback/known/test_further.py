"""What columns leave open is an error whose options, typed as they stand, read the rows."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from penchant.checks.unused import unused_columns
from penchant.errors import DataError
from penchant.feedback import Feedback, read

U, A, B = {"role": "user", "content": "Hi"}, "Hello!", "No."
CHAT = [U, {"role": "assistant", "content": A}, U, {"role": "assistant", "content": B}]
OTHER = [U, {"role": "assistant", "content": B}, U, {"role": "assistant", "content": A}]


def mappings(said: str) -> list[dict[str, str]]:
    """The options of a message, those of one sentence together."""
    sentences = re.split(r"(?<=[a-z0-9])[.,](?=\s)", said)
    found = [re.findall(r'--map (\w+)=("[^"]*"|[\w-]+)', each) for each in sentences]
    return [{name: shlex.split(value)[0] for name, value in each} for each in found if each]


@pytest.mark.parametrize("value", [1, "1", 1.0])
def test_a_number_names_neither_of_two_letters(value: Any) -> None:
    rows = [{"prompt": "Hi", "completion_a": A, "completion_b": B, "winner": value}]
    with pytest.raises(DataError, match="names neither") as caught:
        read(rows)
    from_one, from_zero = mappings(str(caught.value))
    assert [each.chosen for each in read(rows, mapping=from_one)] == [A]
    assert [each.chosen for each in read(rows, mapping=from_zero)] == [B]


def test_an_answer_beside_a_question_has_two_meanings() -> None:
    rows = [{"question": "2 + 3?", "answer": "2 + 3 = 5\n#### 5"}]
    with pytest.raises(DataError, match="has two meanings") as caught:
        read(rows)
    imitated, verified = mappings(str(caught.value))
    assert read(rows, mapping=imitated)[0].completion == rows[0]["answer"]
    prompts = read(rows, mapping=verified)
    assert prompts.kind == "prompt" and prompts[0].fields["answer"] == rows[0]["answer"]


def test_the_second_turn_of_a_judged_conversation_asks_for_its_key() -> None:
    shared = {"model_a": "x", "model_b": "y", "winner": "model_a", "conversation_a": CHAT, "conversation_b": OTHER}
    assert read([{**shared, "turn": 1}])[0].chosen == [CHAT[1]]
    with pytest.raises(DataError, match="--train-on assistant"):
        read([{**shared, "turn": 2}])
    assert read([{**shared, "turn": 2}], train_on="assistant")[0].chosen == CHAT[1:]


def test_a_turn_with_one_answer_or_without_a_chosen_one_is_counted() -> None:
    turns = [
        {"turn": 0, "role": "user", "content": "Hi"},
        *({"turn": 0, "role": "model", "content": each, "score": 5, "if_chosen": False} for each in (A, B)),
        {"turn": 1, "role": "user", "content": "And?"},
        {"turn": 1, "role": "model", "content": A, "score": 5, "if_chosen": True},
    ]
    alone = [{**each, "turn": 0} for each in turns[3:]]
    found = read([{"conversation_history": turns}, {"conversation_history": alone}])
    assert len(found) == 1 and list(found[0].responses) == [A, B]
    assert "1 turns with a single answer" in found.origin.left_out
    assert "1 turns behind one without a chosen answer" in found.origin.left_out


def warned(row: dict[str, Any], other: dict[str, Any]) -> tuple[Feedback, str]:
    found = read([row, other])
    return found, " ".join(check.detail for check in unused_columns(found))


@pytest.mark.parametrize("column", ["is_safe", "upvoted", "is_preferred", "feedback", "vote"])
def test_a_truth_value_that_judges_a_response_is_warned_of_with_its_option(column: str) -> None:
    rows = [{"prompt": "Hi", "completion": text, column: good} for text, good in ((A, True), (B, False))]
    _, said = warned(*rows)
    (mapping,) = mappings(said.partition("--kind")[0])
    assert mapping == {"label": column}
    assert [each.label for each in read(rows, mapping=mapping)] == [True, False]
