"""Turns with weight 0 are context where every turn of the assistant is learned."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback import read
from penchant.rendering import Renderer
from rendering.templates_small import CONTENT, SPECIALS
from rendering.tokenizers_small import byte_level


def _turns(*weights: int | None) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for at, weight in enumerate(weights):
        turns.append({"role": "user", "content": f"Question {at}?"})
        given = {} if weight is None else {"weight": weight}
        turns.append({"role": "assistant", "content": f"Answer {at}.", **given})
    return turns


def _learned(*weights: int | None) -> str:
    (record,) = read([{"messages": _turns(*weights)}], train_on="assistant")
    renderer = Renderer(byte_level(specials=SPECIALS), chat_template=CONTENT)
    found = renderer.response_tokens(record.prompt, record.completion)
    mask = found.learned or (True,) * len(found.ids)
    return str(renderer.tokenizer.decode([token for token, kept in zip(found.ids, mask, strict=True) if kept]))


@pytest.mark.parametrize(
    ("weights", "learned"),
    [
        ((None, None, None), "012"),
        ((1, 0, 1), "02"),
        ((0, 1, 1), "12"),
        ((1, 1, 0), "01"),
        ((0, 0, 1), "2"),
    ],
)
def test_only_turns_that_count_are_learned(weights: tuple[int | None, ...], learned: str) -> None:
    text = _learned(*weights)
    assert [f"Answer {at}." in text for at in range(3)] == [str(at) in learned for at in range(3)]
    assert "Question" not in text


def test_a_conversation_of_which_nothing_counts_is_a_bad_record() -> None:
    with pytest.raises(DataError, match="weight 0, so there is nothing to learn"):
        read([{"messages": _turns(0, 0)}], train_on="assistant")
