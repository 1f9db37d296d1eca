"""Judgements on disk: equal to fresh ones, asked once, kept apart by judge, and safe from damaged files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.feedback.records import Conversation
from penchant.rewards import FunctionJudge, Judge, RewardModel
from penchant.rewards.judgement_cache import CachedJudge, cached
from penchant.rewards.mixtures import EnsembleJudge
from small_judges import classifier
from small_runs import word_tokenizer

PROMPTS = ["p", [{"role": "user", "content": "q"}]]
RESPONSES = [["a", "bb", "a"], ["ccc", " "]]


class Counting(Judge):
    """The length of a response; none for one without words. Counts what it is asked."""

    def __init__(self, name: str = "counting", said: str = "") -> None:
        super().__init__()
        self.name, self.said, self.asked = name, said, []

    def identity(self) -> str:
        return self.name

    def context(self, prompt: Any) -> str:
        return self.said

    def score(self, prompt: Any, responses: Sequence[str]) -> list[float]:
        self.asked += responses
        return [float(len(each)) if each.strip() else math.nan for each in responses]


def test_a_judge_is_asked_once_for_each_response_and_again_for_what_had_no_score(tmp_path: Path) -> None:
    for expected in (["a", "bb", "ccc", " "], [" "]):
        inner = Counting()
        judge = cached(inner, tmp_path)
        assert isinstance(judge, CachedJudge)
        given = judge.score_all(PROMPTS, RESPONSES)
        assert given[0] == [1.0, 2.0, 1.0] and given[1][0] == 3.0 and math.isnan(given[1][1])
        assert inner.asked == expected
    assert (judge.found, judge.made) == (3, 1)


def test_another_judge_another_context_and_other_tools_are_judged_anew(tmp_path: Path) -> None:
    cached(Counting(), tmp_path).score_all(PROMPTS, RESPONSES)
    for inner in (Counting("other"), Counting(said="other tests")):
        cached(inner, tmp_path).score("p", ["a"])
        assert inner.asked == ["a"]
    inner = Counting()
    cached(inner, tmp_path).score(Conversation([{"role": "user", "content": "q"}], tools=({"name": "f"},)), ["ccc"])
    assert inner.asked == ["ccc"]


@pytest.mark.parametrize("damage", ["cut", "rubbish", "empty"])
def test_a_half_written_file_costs_judgements_and_nothing_else(tmp_path: Path, damage: str) -> None:
    first = cached(Counting(), tmp_path)
    first.score_all(PROMPTS, RESPONSES)
    first.store.close()  # type: ignore[attr-defined]
    [file] = tmp_path.glob("*.sqlite")
    content = file.read_bytes()
    file.write_bytes({"cut": content[: len(content) // 2], "rubbish": b"{}" * 900, "empty": b""}[damage])
    inner = Counting()
    assert cached(inner, tmp_path).score("p", ["a", "bb"]) == [1.0, 2.0]
    assert inner.asked in (["a", "bb"], [])
    again = Counting()
    assert cached(again, tmp_path).score("p", ["a", "bb"]) == [1.0, 2.0] and again.asked == []


def test_what_was_judged_before_a_failure_is_kept(tmp_path: Path) -> None:
    class Fails(Counting):
        def score(self, prompt: Any, responses: Sequence[str]) -> list[float]:
            if "bad" in responses:
                raise RuntimeError("no")
            return super().score(prompt, responses)

    from penchant.errors import ConfigurationError
    from penchant.feedback.records import Prompt, Source
    from penchant.rewards.scores import scored_all

    records = [Prompt(prompt=each, source=Source("f", line)) for line, each in enumerate("pqr", start=1)]
    with pytest.raises(ConfigurationError, match=r"f:2, judge: .* raised RuntimeError: no, for the prompt 'q'"):
        scored_all(cached(Fails(), tmp_path), records, [["a"], ["bad"], ["c"]])
    inner = Counting()
    assert scored_all(cached(inner, tmp_path), records, [["a"], ["bad"], ["c"]]) == [[1.0], [3.0], [1.0]]
    assert inner.asked == ["bad", "c"]


def test_comparisons_are_kept_where_they_are_whole(tmp_path: Path) -> None:
    first = cached(Counting(), tmp_path).compare_all(PROMPTS, RESPONSES)
    inner = Counting()
    second = cached(inner, tmp_path).compare_all(PROMPTS, RESPONSES)
    assert torch.equal(first[0], second[0]) and inner.asked == ["ccc", " "]
    torch.testing.assert_close(first[1], second[1], equal_nan=True)


def test_a_reward_model_is_known_by_its_weights_and_template(tmp_path: Path) -> None:
    def judge(shift: float = 0.0, **settings: Any) -> RewardModel:
        model = classifier()
        with torch.no_grad():
            model.score.weight += shift
        return RewardModel(model, word_tokenizer(), **settings)

    same = [judge().identity(), judge(batch_size=2).identity()]
    others = [judge(0.1), judge(max_length=9), judge(chat_template="plain")]
    assert same[0] == same[1] and len({same[0], *(each.identity() for each in others)}) == 4
    texts = [[" the car is red", " red"], [" hat"]]
    kept = cached(judge(), tmp_path)
    assert kept.score_all(["which colour", "what"], texts) == judge().score_all(["which colour", "what"], texts)


def test_members_of_a_mixture_are_cached_and_functions_are_not(tmp_path: Path) -> None:
    inner = Counting()
    judge = cached(EnsembleJudge([inner, FunctionJudge(lambda prompt, response: 1.0)]), tmp_path)
    judge.score("p", ["a", "bb"])
    judge.score("p", ["a", "bb"])
    assert inner.asked == ["a", "bb"] and [type(each) for each in judge.members] == [CachedJudge, FunctionJudge]
