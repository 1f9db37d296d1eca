"""Judges made of judges: by hand, over prompts and over data, with one member, one response, and no score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigurationError
from penchant.rewards import FunctionJudge, Judge, build_judge
from penchant.rewards.mixtures import EnsembleJudge, WeightedJudge
from small_judges import JUDGES

PROMPTS = ["p", "q"]
RESPONSES = [["a", "bb", "cccc"], ["dddddddd", "e"]]


def length(prompt: Any, response: str) -> float:
    return float(len(response))


def shortness(prompt: Any, response: str) -> float:
    return -10.0 * len(response) ** 0.5


def members() -> list[Judge]:
    return [FunctionJudge(length), FunctionJudge(shortness)]


def z(values: Any) -> Any:
    values = np.asarray(values)
    return (values - values.mean()) / values.std()


def flat(rows: list[list[float]]) -> list[float]:
    return [value for row in rows for value in row]


def test_members_are_normalised_over_all_responses_before_they_are_combined() -> None:
    texts = [each for own in RESPONSES for each in own]
    table = np.stack([z([function("", each) for each in texts]) for function in (length, shortness)])
    expected = {"mean": table.mean(0), "worst": table.min(0), "uncertainty": table.mean(0) - 2 * table.std(0)}
    for how, scores in expected.items():
        judge = EnsembleJudge(members(), how=how, coefficient=2.0)
        assert flat(judge.score_all(PROMPTS, RESPONSES)) == pytest.approx(scores)
    found = judge.combine([each.score_all(PROMPTS, RESPONSES) for each in judge.members])
    assert found.deviations is not None and flat(found.deviations) == pytest.approx(table.std(0))


def test_both_orders_of_normalising_over_a_prompt_and_over_the_data() -> None:
    weights = [0.7, 0.2]

    def summed(texts: list[str], order: str) -> Any:
        table = [np.array([function("", each) for each in texts]) for function in (length, shortness)]
        if order == "normalise_then_sum":
            table = [z(each) for each in table]
        total = weights[0] * table[0] + weights[1] * table[1]
        return z(total) if order == "sum_then_normalise" else total

    for order in ("normalise_then_sum", "sum_then_normalise", "sum"):
        for over, groups in (("prompt", RESPONSES), ("data", [[each for own in RESPONSES for each in own]])):
            judge = WeightedJudge(members(), weights=weights, order=order, over=over)
            expected = np.concatenate([summed(texts, order) for texts in groups])
            assert flat(judge.score_all(PROMPTS, RESPONSES)) == pytest.approx(expected), (order, over)


def test_one_response_and_equal_scores_are_zero_and_equal_members_agree() -> None:
    one = EnsembleJudge(members(), over="prompt")
    assert one.score("p", ["a"]) == [0.0] and one.score("p", ["aa", "bb"]) == [0.0, 0.0]
    twins = [FunctionJudge(length), FunctionJudge(length)]
    scores = [EnsembleJudge(twins, how=how).score("p", RESPONSES[0]) for how in ("mean", "worst", "uncertainty")]
    assert scores[0] == pytest.approx(scores[1]) and scores[0] == pytest.approx(scores[2])


def test_a_missing_score_of_one_member_is_missing_in_the_mixture_and_moves_no_other() -> None:
    judge = EnsembleJudge([FunctionJudge(length), FunctionJudge(f"{JUDGES}:strict")])
    given = judge.score("p", ["aa", " ", "bbbb", "cccccc"])
    assert math.isnan(given[1])
    expected = (z([2, 1, 4, 6])[[0, 2, 3]] + z([2, 4, 6])) / 2
    assert [given[0], given[2], given[3]] == pytest.approx(expected)
    table = judge.compare("p", ["aa", " "])
    assert math.isnan(table[0, 1]) and table[0, 0] == 0.5


def test_members_are_built_from_their_settings_and_mistakes_are_named() -> None:
    parts = [{"name": "function", "path": f"{JUDGES}:reds"}, {"name": "function", "path": f"{JUDGES}:nothing"}]
    judge = build_judge({"name": "weighted", "judges": parts, "weights": [1.0, 5.0], "order": "sum"})
    assert judge is not None
    assert judge.score("p", ["red", "x"]) == pytest.approx(FunctionJudge(f"{JUDGES}:reds").score("p", ["red", "x"]))
    with pytest.raises(ConfigurationError, match="2 judges and 1 weights"):
        build_judge({"name": "weighted", "judges": parts, "weights": [1.0]})
    with pytest.raises(ConfigurationError, match="one of its members gives none"):
        build_judge({"name": "ensemble", "judges": [*parts, {"name": "none"}]})
    with pytest.raises(ConfigurationError, match=r"'how' is 'worse'.*'worst'"):
        build_judge({"name": "ensemble", "judges": parts, "how": "worse"})
    with pytest.raises(ConfigurationError, match="'judges'"):
        build_judge({"name": "ensemble", "judges": []})
