"""Scores of judges are checked before they are used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.records import Prompt, Source
from penchant.generation.responses import Response
from penchant.rewards import FunctionJudge, Judge, RewardModel
from penchant.rewards.scores import compared, scored, scored_samples
from penchant.rewards.sum_of_judges import SumOfJudges
from small_judges import JUDGES, classifier
from small_runs import word_tokenizer

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
        (late, "is a coroutine function"),
        (many, "is a generator function"),
        (Given, "is a class"),
    ],
)
def test_what_cannot_be_called_is_refused_before_a_model_is_loaded(function: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FunctionJudge(function)


def test_a_parameter_that_no_record_fills_is_refused_before_a_model_is_loaded() -> None:
    judge = FunctionJudge(three)
    with pytest.raises(
        DataError, match=r"asks for 'scale', which the record does not have.*Its fields: answer; others"
    ):
        judge.read([Prompt(prompt="1+1=", fields={"answer": "2"})])
    record = Prompt(prompt="1+1=", fields={"scale": 3.0})
    judge.read([record])
    assert judge.score("1+1=", ["2"]) == [3.0]
    assert scored_samples(judge, record, [Response("2", (5,), True)]) == ([3.0], {})


def test_a_function_sees_the_record_the_tokens_and_the_ending() -> None:
    def reward(prompt: Any, response: str, tokens: Any, finished: Any, **fields: Any) -> float | None:
        return None if fields["answer"] == "?" else len(tokens) + 10 * finished + 100 * (fields["answer"] == response)

    judge = FunctionJudge(reward)
    record = Prompt(prompt="1+1=", fields={"answer": "2"})
    judge.read([record])
    given = [Response("2", (5, 6), True), Response("3", (5,), False)]
    assert scored_samples(judge, record, given)[0] == [112.0, 1.0]
    unknown, _parts = scored_samples(judge, Prompt(prompt="x", fields={"answer": "?"}), given)
    assert all(map(math.isnan, unknown))


def test_a_sum_of_judges_keeps_each_ones_scores() -> None:
    judge = SumOfJudges(
        judges=[
            {"name": "function", "path": f"{JUDGES}:strict", "weight": 0.5},
            {"name": "verifier", "rule": "number", "weight": 2, "label": "right"},
        ]
    )
    record = Prompt(prompt="1+1=", fields={"answer": "2"})
    judge.read([record])
    scores, parts = scored_samples(judge, record, [Response(text, (5,), True) for text in ("2", "it is 3", "")])
    assert scores == [2.5, 3.5, 0.0], "a member that cannot score counts nothing"
    assert parts["right"] == [1.0, 0.0, 0.0]
    assert parts["strict"][:2] == [1.0, 7.0] and math.isnan(parts["strict"][2])
    assert judge.score("1+1=", ["2"]) == [2.5]


@pytest.mark.parametrize(
    ("judges", "message"),
    [
        ([], "judges"),
        ([{"name": "none"}], "Member 1 of the judge gives no scores"),
        ([{"name": "verifier", "weight": "much"}], "The weight of member 1 of the judge is 'much'"),
        ([{"name": "verifier"}, {"name": "verifier"}], "Two members of the judge are called 'verifier'"),
        ([{"name": "verifyer"}], "verifier"),
    ],
)
def test_sums_of_what_cannot_be_summed_are_refused(judges: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SumOfJudges(judges=judges)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"JUDGES' is a str, not a function|not defined in"):
        FunctionJudge(f"{JUDGES}:JUDGES")


def test_a_reward_model_that_gives_no_number_is_an_error() -> None:
    tokenizer, model = word_tokenizer(), classifier()
    with torch.no_grad():
        model.model.embed_tokens.weight[tokenizer.get_vocab()["hat"]] = math.nan
    judge = RewardModel(model, tokenizer)
    assert math.isfinite(judge.score("which colour", [" red"])[0])
    with pytest.raises(ModelError, match=r"gives nan, for the prompt 'which colour' and the response ' the hat'"):
        judge.score("which colour", [" red", " the hat"])
