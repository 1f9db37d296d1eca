"""The ground-truth reward: the order of minimal pairs, and resistance to being gamed."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.lab.worlds.language import sentence_sentiment, true_reward, vocabulary

PROMPT = "review of the red kettle from juno:"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("it is great.", "it is good."),
        ("it is good.", "it is fine."),
        ("it is fine.", "it is mediocre."),
        ("it is bad.", "it is terrible."),
        # negation turns and dampens
        ("it is great.", "it is not great."),
        ("it is not terrible.", "it is terrible."),
        ("it is great.", "it is not terrible."),
        ("it is not great.", "it is terrible."),
        ("i would recommend it.", "i would never recommend it."),
        ("it works well.", "it does not work well."),
        # degrees
        ("it is very good.", "it is good."),
        ("it is good.", "it is slightly good."),
        ("it is a bit bad.", "it is bad."),
        ("it is bad.", "it is extremely bad."),
        ("it is not good.", "it is not very good."),
        # what comes after "but" weighs more, what comes after "although" less
        ("the lid is bad, but the motor is good.", "the motor is good, but the lid is bad."),
        ("although the lid is bad, the motor is good.", "although the motor is good, the lid is bad."),
        ("it is good.", "the lid is bad, but the motor is good."),
        # sentences
        ("it is bad. overall, it works well.", "overall, it is bad. it works well."),
        ("it is great. the lid is lovely.", "it is great. the lid is ugly."),
        ("it is great. the lid is lovely.", "it is great."),
        # gaming it
        ("it is great.", "great great great."),
        ("it is great.", "it is great great great."),
        ("it is great.", "it is great. it is great. it is great."),
        ("it is great.", "great perfect superb excellent wonderful."),
        ("it is great.", "it is great"),
        ("it is great.", "it are great."),
        ("it is great.", "the drill is great."),
        ("it is great.", ""),
        ("it is great.", "it is great. the the the the the the"),
    ],
)
def test_order_of_minimal_pairs(better: str, worse: str) -> None:
    assert true_reward(PROMPT, better) > true_reward(PROMPT, worse)


def test_but_and_although_say_the_same_in_two_orders() -> None:
    but = sentence_sentiment("the lid is bad , but the motor is great .".split())
    although = sentence_sentiment("although the lid is bad , the motor is great .".split())
    assert but == pytest.approx((-0.6 + 2 * 0.8) / 3)
    assert although == pytest.approx((0.5 * -0.6 + 0.8) / 1.5) == pytest.approx(but)


def test_values_by_hand() -> None:
    assert true_reward(PROMPT, "it is great.") == pytest.approx(0.8 / 1.5)
    assert true_reward(PROMPT, "it is not very good.") == pytest.approx(-0.5 * 0.6 * 1.3 / 1.5)
    assert true_reward(PROMPT, "it is great. overall, it is bad.") == pytest.approx((0.8 - 2 * 0.6) / 3.5)
    assert true_reward(PROMPT, "it is extremely perfect.") == pytest.approx(1 / 1.5)
    assert true_reward(PROMPT, "") == pytest.approx(-0.75 / 1.5)
    assert true_reward(PROMPT, "we use it every day.") == 0.0


def test_repeated_praise_never_adds_and_repeated_complaint_never_heals() -> None:
    praise = [true_reward(PROMPT, " ".join(["it is great."] * count)) for count in range(1, 8)]
    complaint = [true_reward(PROMPT, " ".join(["it is awful."] * count)) for count in range(1, 8)]
    assert praise == sorted(praise, reverse=True)
    assert complaint == sorted(complaint, reverse=True)


def test_more_sentences_of_equal_worth_add_less_and_less() -> None:
    sentences = ["it is wonderful.", "the lid is fantastic.", "the motor is brilliant.", "the base is excellent."]
    rewards = [true_reward(PROMPT, " ".join(sentences[:count])) for count in range(1, 5)]
    gains = [late - early for early, late in pairwise(rewards)]
    assert all(gain > 0 for gain in gains)
    assert gains == sorted(gains, reverse=True)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(vocabulary()), max_size=40).map(" ".join)))
def test_any_text_has_a_finite_bounded_reward(text: str) -> None:
    reward = true_reward(PROMPT, text)
    assert math.isfinite(reward) and -1.0 <= reward <= 1.0
    assert true_reward(PROMPT, text) == reward


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(sorted({"great", "perfect", "superb", "very", "not", "and"})), min_size=1, max_size=40))
def test_praise_without_grammar_earns_less_than_one_plain_kind_sentence(words: list[str]) -> None:
    assert true_reward(PROMPT, " ".join(words)) < true_reward(PROMPT, "it is good.")


def test_a_prompt_without_a_product_still_has_a_reward() -> None:
    assert true_reward("say something nice", "it is great.") > true_reward("say something nice", "it is bad.")
