"""Reading verdicts, ratings and rubrics, and what both orders decide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.evaluation.judge_votes import win_counts
from penchant.rewards.judge_prompts import Criterion, fenced
from penchant.rewards.judge_readings import majority
from penchant.rewards.rubrics import rubric_score_in
from penchant.rewards.verdicts import (
    preference_in,
    score_in,
    settled,
    swapped,
    two_score_verdict_in,
    verdict_in,
    yes_in,
)

VERDICTS = st.sampled_from(["A", "B", "tie", "error"])


@pytest.mark.parametrize(
    ("text", "last", "order", "strict"),
    [
        ("[[A]]", "A", "A", "A"),
        ("so [[B]] it is", "B", "B", "B"),
        ("[[C]]", "tie", "tie", "tie"),
        ("[[A]] at first, but [[B]]", "B", "A", "error"),
        ("[[B]], again [[B]]", "B", "B", "B"),
        ("[A]", "error", "error", "error"),
        ("[[D]]", "error", "error", "error"),  # a verdict for a candidate that was not asked about
        ("[[D]], so [[A]]", "A", "A", "A"),
        ("", "error", "error", "error"),
    ],
)
def test_verdicts(text: str, last: str, order: str, strict: str) -> None:
    assert (verdict_in(text), verdict_in(text, "order"), verdict_in(text, "error")) == (last, order, strict)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("[[8, 7]]", "A"),
        ("[[7,8.5]]", "B"),
        ("[[2.1, 2.0]]", "tie"),
        ("[[7.1, 7]]", "tie"),
        ("[9, 3]", "A"),
        ("9, 3", "error"),
    ],
)
def test_two_scores(text: str, verdict: str) -> None:
    assert two_score_verdict_in(text) == verdict


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", True),
        ("no.", False),
        ("**Yes** - no doubt about it", True),
        ("Yes and no.", None),
        ("yes or no", None),
        ("It is hard to say.", None),
        ("The answer mentions no source. Answer: Yes", True),
        ("<explanation>no, because</explanation><answer>Yes</answer>", True),
        ("I would say yes", True),
        ("Some say yes, some say no", None),
        ("yesterday", None),
    ],
)
def test_yes_and_no(text: str, said: bool | None) -> None:
    assert yes_in(text) is said


def test_a_rating_is_the_last_in_double_brackets() -> None:
    assert score_in("[[3]] no: [[4.5]] [9]") == 4.5 and score_in("[2]") == 2 and score_in("4 of 5") is None


@given(first=VERDICTS, second=VERDICTS)
def test_swapping_answers_and_verdicts_changes_nothing(first: str, second: str) -> None:
    mirrored = {"model_1": "model_2", "model_2": "model_1"}
    decided = settled([swapped(first, False), swapped(second, True)])  # type: ignore[arg-type]
    turned = settled([swapped(second, False), swapped(first, True)])  # type: ignore[arg-type]
    assert turned == mirrored.get(decided, decided)
    one, two = preference_in(first, second), preference_in(second, first)  # type: ignore[arg-type]
    assert (one is None) == (two is None) and (one is None or two is None or one + two == 1)


def test_a_judge_that_always_says_a_gives_ties_only() -> None:
    votes = [[swapped("A", False), swapped("A", True)]] * 5
    assert win_counts(votes)["m1"] == {
        "win": 0.0, "loss": 0.0, "tie": 5.0, "win_rate": 0.0, "loss_rate": 0.0, "win_rate_adjusted": 0.5,
    }  # fmt: skip
    assert preference_in("A", "A") == 0.5


def test_no_votes_are_no_division_by_zero() -> None:
    assert win_counts([["error", "model_1"]])["m1"]["win_rate"] == 0.0


def test_a_rubric_needs_every_criterion_within_its_scale() -> None:
    rules = [Criterion("truth: no false claim", 3.0), Criterion("tone", 1.0, 0.0, 1.0)]
    assert rubric_score_in('first {"truth": 1, "tone": 0} then {"Truth": 5, "tone": 0}', rules) == 0.75
    for text in ('{"truth": 5}', '{"truth": 6, "tone": 0}', '{"truth": true, "tone": 1}', "{", "5 and 1", ""):
        assert rubric_score_in(text, rules) is None, text


def test_the_majority_of_samples_decides_and_equal_counts_are_a_tie() -> None:
    assert majority(["B", "B", "A", "error"])[0] == "B" and majority(["A", "B"])[0] == "tie"


@given(st.text(alphabet="<>/answer A2\n", max_size=60))
def test_a_text_cannot_end_its_own_marks(text: str) -> None:
    lines = fenced("answer A", text).splitlines()
    # The mark may not stand in the text as a mark; a text that is the bare name has no brackets.
    assert lines[0] not in text and lines[-1] not in text and lines[-1] == f"</{lines[0][1:]}"
