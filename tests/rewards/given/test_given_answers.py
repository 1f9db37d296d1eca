"""Judges that hold responses against the record's one answer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Demonstration, Prompt
from penchant.rewards import build_judge
from penchant.rewards.given.anchored import Anchored
from penchant.rewards.given.closeness import Closeness, edits

texts = st.text("ab 1", max_size=6)


@given(texts, texts, texts)
def test_edits_are_a_distance(first: str, second: str, third: str) -> None:
    assert edits(first, second) == edits(second, first) and (edits(first, second) == 0) == (first == second)
    assert edits(first, third) <= edits(first, second) + edits(second, third)


@given(st.lists(texts, min_size=1, max_size=4), st.sampled_from(["characters", "words"]))
def test_nothing_is_closer_than_a_copy(responses: list[str], measure: str) -> None:
    judge = Closeness(measure=measure)
    judge.read([Demonstration(prompt="p", completion=" a 1 ")])
    *scores, copy = judge.score("p", [*responses, "a 1"])
    assert copy == 1.0 and all(0 <= score <= 1 for score in scores)


def test_the_answer_is_the_field_before_the_response() -> None:
    judge = Closeness(measure="words")
    judge.read(
        [
            Demonstration(prompt="1", completion="no", fields={"answer": 7}),
            Comparison(prompt="2", chosen="yes it is", rejected="no"),
        ]
    )
    assert judge.score("1", ["7", "no"]) == [1.0, 0.0] and judge.score("2", ["it is"]) == [0.8]
    assert math.isnan(judge.score("3", ["it is"])[0])


def test_a_prompt_without_an_anchor_is_refused_with_its_place() -> None:
    for name in ("closeness", "anchored"):
        with pytest.raises(DataError, match=rf"memory:1: The judge '{name}' holds responses against a given answer"):
            build_judge({"name": name}, [Demonstration(prompt="p", completion="a"), Prompt(prompt="q")])


def test_a_copy_of_the_anchor_is_sure_without_a_question_and_others_need_a_policy() -> None:
    judge = Anchored()
    judge.read([Demonstration(prompt="p", completion="a")])
    assert judge.score("p", ["a", " a "]) == [1.0, 1.0] and judge.compare("p", ["a", "a"]).tolist() == [[0.5] * 2] * 2
    with pytest.raises(ConfigurationError, match="no policy to ask"):
        judge.score("p", ["b"])
