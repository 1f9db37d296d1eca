"""Judges of many prompts at once say what they say of each alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from penchant.feedback.records import Prompt
from penchant.rewards import FunctionJudge, Judge, RewardModel, Verifier
from penchant.rewards.scores import compared_all, scored_all
from small_judges import JUDGES, classifier
from small_runs import word_tokenizer

PROMPTS = ["which colour is the car and the hat", "what", "which colour"]
RESPONSES = [[" the car is red", " red", " the car is not blue", " the"], [" hat"], []]


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_a_reward_model_shares_prompts_and_gives_the_scores_of_each_text_alone(batch_size: int) -> None:
    alone = RewardModel(classifier(), word_tokenizer(), batch_size=1)
    together = RewardModel(classifier(), word_tokenizer(), batch_size=batch_size)
    expected = [
        [alone.score(prompt, [each])[0] for each in own]
        for prompt, own in zip(PROMPTS, RESPONSES, strict=True)
    ]  # fmt: skip
    given = together.score_all(PROMPTS, RESPONSES)
    assert [len(each) for each in given] == [4, 1, 0]
    for one, two in zip(given, expected, strict=True):
        assert one == pytest.approx(two, abs=1e-5)
    assert max(expected[0]) - min(expected[0]) > 1e-3
    shares = together.classes._forest is not None and together.classes._forest.shares
    assert shares == (batch_size > 1)


def test_texts_that_are_cut_are_cut_alike() -> None:
    alone = RewardModel(classifier(), word_tokenizer(), batch_size=1, max_length=4)
    together = RewardModel(classifier(), word_tokenizer(), max_length=4)
    expected = [alone.score(PROMPTS[0], [each])[0] for each in RESPONSES[0]]
    assert together.score(PROMPTS[0], RESPONSES[0]) == pytest.approx(expected, abs=1e-5)
    one = RewardModel(classifier(), word_tokenizer(), max_length=1)
    assert len(set(one.score(PROMPTS[0], RESPONSES[0]))) == 1  # the end token alone


def test_comparisons_of_many_prompts_are_those_of_each() -> None:
    judges: list[Judge] = [RewardModel(classifier(), word_tokenizer()), FunctionJudge(f"{JUDGES}:strict")]
    for judge in judges:
        for table, prompt, own in zip(judge.compare_all(PROMPTS, RESPONSES), PROMPTS, RESPONSES, strict=True):
            torch.testing.assert_close(table, judge.compare(prompt, own), atol=1e-6, rtol=0)


def test_one_prompt_without_an_answer_is_named_among_many() -> None:
    from penchant.errors import DataError

    judge = Verifier([("a", "1"), ("c", "3")])
    records = [Prompt(prompt=each) for each in "abc"]
    with pytest.raises(DataError, match="There is no answer for the prompt 'b'"):
        scored_all(judge, records, [["1"], ["1"], ["1"]])
    judge = Verifier([("a", "1"), ("b", "1"), ("c", "3")])
    assert scored_all(judge, records, [["1", "2"], [], ["3"]]) == [[1.0, 0.0], [], [1.0]]


def test_what_many_prompts_give_is_checked_like_what_one_gives() -> None:
    from penchant.errors import ConfigurationError

    class Few(Judge):
        def score_all(self, prompts: Any, responses: Any) -> Any:
            return [[1.0]] * len(prompts)

        def compare_all(self, prompts: Any, responses: Any) -> Any:
            return [torch.full((2, 2), 1.5)] * len(prompts)

    with pytest.raises(ConfigurationError, match="gave 1 scores for 2 responses, for the prompt 'a'"):
        scored_all(Few(), [Prompt(prompt="a")], [["x", "y"]])
    with pytest.raises(ConfigurationError, match=r"outside of \[0, 1\]"):
        compared_all(Few(), [Prompt(prompt="a")], [["x", "y"]])
    [[value]] = scored_all(FunctionJudge(f"{JUDGES}:strict"), [Prompt(prompt="a")], [[" "]])
    assert math.isnan(value)
