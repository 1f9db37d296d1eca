"""Graded degradations: the sheet's checks."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.curation.degradation import degrade, levels_of
from penchant.errors import ConfigurationError
from penchant.feedback import Comparison

TEXTS = st.lists(
    st.sampled_from("tea is a hot drink, cold; water. the Tea and\n".split(" ")), min_size=1, max_size=15
).map(" ".join)
EXTRACTORS = st.sampled_from(["tfidf", "rake"])


@given(TEXTS, TEXTS, st.integers(2, 6), st.floats(0.05, 1.0), EXTRACTORS)
def test_levels_begin_intact_and_lose_more_and_more(
    chosen: str, rejected: str, levels: int, rate: float, by: str
) -> None:
    pair = Comparison(prompt="?", chosen=chosen, rejected=rejected)
    [row] = degrade([pair], levels=levels, rate=rate, extractor=by).rows
    assert degrade([pair], levels=levels, rate=rate, extractor=by).rows == [row]
    for name, response in (("chosen", chosen), ("rejected", rejected)):
        texts = row[f"{name}_degraded"]
        assert len(texts) == levels and texts[0] == response
        for fuller, poorer in pairwise(texts):
            assert Counter(poorer.split()) <= Counter(fuller.split())
            words = iter(fuller.split())
            assert all(word in words for word in poorer.split())  # in the same order
        assert texts[-1].strip()


def test_the_share_of_key_content_deleted_rises_evenly_to_the_rate() -> None:
    text = "one two three four five six seven eight nine ten"
    keys = [word for word in text.split()]
    texts = levels_of(text, levels=6, rate=0.5, extract=lambda words: [(place,) for place in range(len(words))])
    assert [len(keys) - len(str(each).split()) for each in texts] == [0, 1, 2, 3, 4, 5]
    assert texts[-1] == "six seven eight nine ten"


def test_words_that_say_most_go_first_and_stop_words_never() -> None:
    pairs = [
        Comparison(prompt="?", chosen="the tea is tea from Assam", rejected=f"the coffee is {at}") for at in "abcd"
    ]
    texts = degrade(pairs, levels=3, rate=1.0).rows[0]["chosen_degraded"]
    assert texts == ["the tea is tea from Assam", "the is from Assam", "the is from"]


def test_messages_lose_words_in_every_turn() -> None:
    turns = [{"role": "assistant", "content": "tea is hot"}, {"role": "tool", "content": "water boils"}]
    row = degrade([Comparison(prompt="?", chosen=turns, rejected="no")], levels=2, rate=1.0).rows[0]
    assert row["chosen_degraded"][0] == turns
    assert [turn["content"] for turn in row["chosen_degraded"][1]] == ["is", "boils"]


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"levels": 1}, "'levels' is 1 .* expected int ≥ 2"),
        ({"rate": 0.0}, "'rate' is 0.0"),
        ({"extractor": "tfdif"}, "expected one of 'tfidf', 'rake'"),
    ],
)
def test_options_out_of_range_are_named(options: dict, phrase: str) -> None:
    with pytest.raises(ConfigurationError, match=phrase):
        degrade([], **options)
