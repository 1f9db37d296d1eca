"""Spans of what differs: the words outside of them are the same, in the same order, in both responses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.curation.spans import Spans, differing_phrases
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read

TEXTS = st.lists(st.sampled_from(["tea", "milk", "and", "hot"]), min_size=1, max_size=8).map(" ".join)
PAIRS = [{"prompt": "How many?", "chosen": "There are 12 of 30.", "rejected": "There are 7."}]


def rest(text: str, phrases: list[list[int]]) -> list[str]:
    """The words outside of phrases."""
    for start, end, _ in reversed(phrases):
        text = text[:start] + text[end:]
    return text.split()


@given(TEXTS, TEXTS)
def test_texts_agree_outside_of_the_phrases_in_which_they_differ(first: str, second: str) -> None:
    here, there = differing_phrases(first, second)
    assert rest(first, here) == rest(second, there)
    assert (first == second) == (not here and not there)


def test_a_function_finds_the_phrases(tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text(
        "import re\n\n\ndef numbers(text):\n    return [each.span() for each in re.finditer('[0-9]+', text)]\n"
    )
    built = Spans(function=f"{rules}:numbers", weight=1.5).build(read(PAIRS))
    assert built.rows[0]["chosen_spans"] == [[10, 12, 1.5], [16, 18, 1.5]]
    assert built.rows[0]["rejected_phrases"] == [[10, 11, 1]]
    assert built.counts["spans of chosen responses"] == 2


def test_what_a_function_must_give(tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("def absent(text):\n    return ['coffee']\n\n\ndef number(text):\n    return 3\n\n\nVALUE = 3\n")
    with pytest.raises(DataError, match="not in the response"):
        Spans(function=f"{rules}:absent").build(read(PAIRS))
    with pytest.raises(ConfigurationError, match="gave int"):
        Spans(function=f"{rules}:number").build(read(PAIRS))
    with pytest.raises(ConfigurationError, match="expected float"):
        Spans(weight=0.5)
