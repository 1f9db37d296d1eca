"""Judges made of judges: by hand, over prompts and over data, with one member, one response, and no score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigurationError
from penchant.feedback.records import Demonstration, Record
from penchant.generation import Response
from penchant.rewards import FunctionJudge, Judge, build_judge
from penchant.rewards.mixtures import EnsembleJudge, WeightedJudge
from penchant.rewards.sum_of_judges import SumOfJudges
from penchant.rewards.wrapped.queue import QueueJudge
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


def told(prompt: Any, response: str, answer: str, tokens: Any = None) -> float:
    """Right, and short in tokens where these are known."""
    return float(response == answer) - 0.01 * len(tokens or ())


RECORDS: list[Record] = [
    Demonstration(prompt="What do bees make?", completion="bees make honey", fields={"answer": "honey"}),
    Demonstration(prompt="What do cows give?", completion="cows give milk", fields={"answer": "milk"}),
]
GIVEN = ["honey", "bees make milk", "they make honey of nectar"]
NEEDY: list[dict[str, Any]] = [
    {"name": "relevance", "embedder": "tf-idf"},
    {"name": "verifier", "rule": "contains"},
    {"name": "function", "path": f"{__file__}:told"},
    {"name": "closeness"},
]


@pytest.mark.parametrize("needy", NEEDY, ids=lambda each: each["name"])
@pytest.mark.parametrize("kind", ["ensemble", "weighted", "sum", "hindsight", "queue", "in_contexts"])
def test_members_are_given_the_records_that_they_read(kind: str, needy: dict[str, Any]) -> None:
    if needy["name"] == "relevance":
        pytest.importorskip("sklearn")
    around: dict[str, Any] = {
        "ensemble": {"judges": [needy], "normalise": False},
        "weighted": {"judges": [needy], "weights": [1.0], "order": "sum"},
        "sum": {"judges": [needy]},
        "hindsight": {"inner": needy},
        "queue": {"inner": needy},
        "in_contexts": {"judge": needy, "contexts": [""]},
    }
    alone, made = build_judge(needy, RECORDS), build_judge({"name": kind, **around[kind]}, RECORDS)
    assert alone is not None and made is not None
    prompt = RECORDS[0].prompt
    assert len(set(alone.score(prompt, GIVEN))) > 1
    assert made.compare(prompt, GIVEN).flatten().tolist() == pytest.approx(
        alone.compare(prompt, GIVEN).flatten().tolist()
    )
    if kind in ("ensemble", "weighted", "sum", "hindsight"):
        assert made.score(prompt, GIVEN) == pytest.approx(alone.score(prompt, GIVEN))


def test_members_read_the_record_and_the_tokens_of_what_was_sampled() -> None:
    responses = [Response(each, tuple(range(len(each))), True) for each in GIVEN]
    member = {"name": "function", "path": f"{__file__}:told"}
    alone = build_judge(member, RECORDS)
    assert alone is not None
    expected = alone.sampled(RECORDS[0], responses)[0]
    assert expected != alone.score(RECORDS[0].prompt, GIVEN)  # these know no tokens
    for settings in (
        {"name": "ensemble", "judges": [member, member], "normalise": False},
        {"name": "weighted", "judges": [member], "weights": [1.0], "order": "sum"},
        {"name": "sum", "judges": [member]},
    ):
        made = build_judge(settings, RECORDS)
        assert made is not None and made.sampled(RECORDS[0], responses)[0] == pytest.approx(expected)


class Moving(Judge):
    """A judge that thought otherwise a round ago."""

    def score(self, prompt: Any, responses: Any) -> list[float]:
        return [float(len(each)) for each in responses]

    def score_earlier(self, prompt: Any, responses: Any) -> list[float]:
        return [-float(len(each)) for each in responses]


def test_what_a_member_said_a_round_ago_is_what_the_mixture_said() -> None:
    mixture = WeightedJudge([Moving(), FunctionJudge(length)], weights=[1.0, 0.5], order="sum")
    assert mixture.score("p", ["a", "bb"]) == [1.5, 3.0]
    assert mixture.score_earlier("p", ["a", "bb"]) == [-0.5, -1.0]


def test_held_out_responses_are_measured_by_the_members_that_measure() -> None:
    queue = QueueJudge(FunctionJudge(length))
    mixture = EnsembleJudge([queue, FunctionJudge(length)], normalise=False)
    queue.remember("p", ["a" * 9])
    assert mixture.measuring.score("p", ["aa", "aaaa"]) == [2.0, 4.0] != mixture.score("p", ["aa", "aaaa"])
    plain = SumOfJudges(judges=[{"name": "function", "path": f"{__file__}:length"}])
    assert plain.measuring is plain
