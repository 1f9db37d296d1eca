"""A reward function in the form of TRL, with lists, is called once for all responses and checked like any other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Prompt
from penchant.generation.responses import Response
from penchant.rewards import FunctionJudge

CHAT = [{"role": "user", "content": "2 + 2?"}]


def test_it_gets_lists_and_the_fields_of_the_record() -> None:
    seen: list[dict[str, Any]] = []

    def right(prompts: Any, completions: Any, completion_ids: Any, answer: Any, **others: Any) -> list[float | None]:
        seen.append({"prompts": prompts, "ids": completion_ids, "others": others})
        return [float(said == wanted) if said else None for said, wanted in zip(completions, answer, strict=True)]

    judge = FunctionJudge(right)
    record = Prompt(prompt="2 + 2?", fields={"answer": "4", "level": 1})
    judge.read([record])
    found, _ = judge.sampled(record, [Response("4", (7,), True), Response("", (), False)])
    assert found[0] == 1.0 and math.isnan(found[1])
    assert judge.score("2 + 2?", ["5", "4"]) == [0.0, 1.0]
    assert seen[0] == {"prompts": ["2 + 2?"] * 2, "ids": [[7], []], "others": {"level": [1, 1]}}
    assert seen[1]["ids"] == [None, None]


def test_to_a_conversation_a_response_is_a_message() -> None:
    def length(completions: list[list[dict[str, str]]], **fields: Any) -> Any:
        assert all(turns[0]["role"] == "assistant" for turns in completions)
        return torch.tensor([float(len(turns[0]["content"])) for turns in completions])

    assert FunctionJudge(length).score(CHAT, ["four", "4"]) == [4.0, 1.0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1.0], "which is not a list of 2 numbers"),
        (1.0, "which is not a list of 2 numbers"),
        ([1.0, math.inf], "which is not finite"),
        (["good", 1.0], "which is not a number"),
    ],
)
def test_another_result_is_named(value: Any, said: str) -> None:
    def reward(completions: Any, **fields: Any) -> Any:
        return value

    with pytest.raises(ConfigurationError, match=said) as caught:
        FunctionJudge(reward).score("What?", ["a", "b"])
    assert "reward'" in str(caught.value) and "as lists" in str(caught.value)


def test_an_exception_is_named() -> None:
    with pytest.raises(ConfigurationError, match="raised ZeroDivisionError"):
        FunctionJudge(lambda completions: [1 / 0]).score("p", ["a"])


def test_what_a_record_lacks_is_named_before_a_model_is_loaded() -> None:
    judge = FunctionJudge(lambda completions, solution: [0.0] * len(solution))
    with pytest.raises(DataError, match=r"asks for 'solution'.*prompts, completions, completion_ids"):
        judge.read([Prompt(prompt="p", fields={"answer": "4"})])
