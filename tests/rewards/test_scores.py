"""Scores of judges are checked before they are used."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.records import Prompt, Source
from penchant.rewards import FunctionJudge, Judge, RewardModel
from penchant.rewards.scores import compared, scored
from small_judges import JUDGES

RECORD = Prompt(prompt="What is it?", source=Source("prompts.jsonl", 7))


class Given(Judge):
    """Gives what it is given."""

    def __init__(self, scores: Any, table: Any = None) -> None:
        super().__init__()
        self.scores, self.table = scores, table

    def score(self, prompt: Any, responses: Any) -> Any:
        if isinstance(self.scores, Exception):
            raise self.scores
        return self.scores

    def compare(self, prompt: Any, responses: Any) -> Any:
        return self.table


@pytest.mark.parametrize(
    "scores", [[1, 2.0], (1.0, 2.0), np.array([1.0, 2.0]), torch.tensor([1.0, 2.0]), [torch.tensor(1), np.float32(2)]]
)
def test_one_number_for_each_response(scores: Any) -> None:
    assert scored(Given(scores), RECORD, ["a", "b"]) == [1.0, 2.0]


@pytest.mark.parametrize("missing", [None, math.nan, np.float32("nan"), torch.tensor(math.nan)])
def test_a_response_without_a_score(missing: Any) -> None:
    first, second = scored(Given([missing, 2]), RECORD, ["a", "b"])
    assert math.isnan(first) and second == 2.0


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0], "gave 1 scores for 2 responses"),
        ([1.0, 2.0, 3.0], "gave 3 scores for 2 responses"),
        (None, "gave None for 2 responses"),
        (1.0, "gave 1.0 for 2 responses"),
        ("ab", "gave 'ab' for 2 responses"),
        ([1.0, math.inf], "gave inf, which is not finite, .*response 'bad'"),
        ([1.0, "2"], "gave '2', which is not a number, .*response 'bad'"),
        ([1.0, [2.0, 3.0]], "not one number, .*response 'bad'"),
        (torch.ones(2, 2), "not one number"),
        (ValueError("no memory"), "raised ValueError: no memory"),
        (DataError("There is no answer.", where="verifier"), "verifier: There is no answer"),
    ],
)
def test_anything_else_is_named_with_record_and_prompt(scores: Any, message: str) -> None:
    with pytest.raises((ConfigurationError, DataError), match=message) as error:
        scored(Given(scores), RECORD, ["fine", "bad"])
    assert str(error.value).startswith("prompts.jsonl:7, ")
    assert "What is it?" in str(error.value) or isinstance(scores, DataError)


def test_the_error_of_a_function_names_the_record() -> None:
    judge = FunctionJudge(lambda prompt, response: math.inf)
    with pytest.raises(ConfigurationError, match=r"prompts.jsonl:7, judge: The reward function .* returned inf"):
        scored(judge, RECORD, ["a"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (torch.ones(2), r"shape \[2\], expected shape \[2, 2\]"),
        ([[0.5, 0.5], [0.5, 0.5]], "expected shape"),
        (torch.full((2, 2), 1.5), r"outside of \[0, 1\]"),
    ],
)
def test_comparisons_are_checked_too(table: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        compared(Given([], table), RECORD, ["a", "b"])
    assert compared(Given([], torch.full((2, 2), 0.5)), RECORD, ["a", "b"]).shape == (2, 2)


def one(prompt: Any) -> float:
    return 1.0


async def late(prompt: Any, response: str) -> float:
    return 1.0


def many(prompt: Any, response: str) -> Any:
    yield 1.0


def three(prompt: Any, response: str, *, scale: float) -> float:
    return scale


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (one, r"signature \(prompt: .*cannot be called with a prompt and a response"),
        (three, "missing a required argument: 'scale'"),
        (late, "is a coroutine function"),
        (many, "is a generator function"),
        (Given, "is a class"),
    ],
)
def test_what_cannot_be_called_is_refused_before_a_model_is_loaded(function: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FunctionJudge(function)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"JUDGES' is a str, not a function|not defined in"):
        FunctionJudge(f"{JUDGES}:JUDGES")


def test_a_reward_model_that_gives_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = RewardModel.__new__(RewardModel)
    network = SimpleNamespace(config=SimpleNamespace(num_labels=1))
    vars(judge).update(model="rm", batch_size=8, longest=None, renderer=Everything(), network=network)
    monkeypatch.setattr(RewardModel, "_forward", lambda self, rows: [[1.0], [math.nan]][: len(rows)])
    assert judge.score("p", ["a"]) == [1.0]
    with pytest.raises(ModelError, match=r"rm gives nan, for the prompt 'p' and the response 'b'"):
        judge.score("p", ["a", "b"])


class Everything:
    """A renderer of one token."""

    def prompt_ids(self, prompt: Any) -> list[int]:
        return [1]

    def sampled_ids(self, prompt: Any, response: Any) -> list[int]:
        return [2]
