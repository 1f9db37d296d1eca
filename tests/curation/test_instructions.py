"""Prompts with constraints: every one is kept or broken as its name says."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penchant.curation.constraints import Constraint, altered, candidates
from penchant.curation.instructions import vary_prompts
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import Comparison

WORDS = ["tea", "is", "hot", "why?", "never", "*", "1.", "cold", "No!", "- one\n- two\n"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


@given(TEXTS, TEXTS, st.integers(0, 9))
def test_a_response_keeps_its_constraints_and_breaks_the_altered_ones(response: str, other: str, seed: int) -> None:
    found = candidates(response, other, random.Random(seed))
    assert len({each.kind for each in found}) == len(found) >= 3
    for each in found:
        assert each.holds(response)
        assert not altered(each, response).holds(response)


@given(TEXTS, TEXTS, st.integers(0, 9), st.integers(1, 3))
def test_the_extended_prompt_asks_for_what_the_rejected_response_breaks(
    chosen: str, rejected: str, seed: int, most: int
) -> None:
    assume(chosen != rejected)
    built = vary_prompts([Comparison(prompt="Tea?", chosen=chosen, rejected=rejected)], constraints=most, seed=seed)
    rng = random.Random(f"{seed} {chosen} {rejected}")
    known = {each.text: each for each in candidates(chosen, rejected, rng)}
    if not built.rows:
        assert all(each.holds(rejected) for each in known.values())
        return
    wishes = built.rows[0]["extended_prompt"].removeprefix("Tea?\n\n")
    asked = [each for text, each in known.items() if text in wishes]
    assert 1 <= len(asked) <= most
    assert all(each.holds(chosen) and not each.holds(rejected) for each in asked)


def test_what_a_record_is_given_depends_on_seed_and_record_alone() -> None:
    pairs = [Comparison(prompt="Tea?", chosen=f"Yes, {at} cups", rejected=f"No {at} at all, ever") for at in range(8)]
    rows = vary_prompts(pairs, seed=5).rows
    assert rows == vary_prompts(pairs, seed=5).rows
    assert rows[3:] == vary_prompts(pairs[3:], seed=5).rows
    assert rows != vary_prompts(pairs, seed=6).rows


def test_constraints_end_the_last_user_turn_and_the_record_stays_as_it_is() -> None:
    parts: list[Any] = [{"type": "image"}, {"type": "text", "text": "What?"}]
    prompt = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": parts},
    ]
    row = vary_prompts([Comparison(prompt=prompt, chosen="A cat.", rejected="I see nothing at all here.")]).rows[0]
    assert row["matching_prompt"][:2] == prompt[:2] and row["matching_prompt"][2]["content"][:2] == parts
    assert row["matching_prompt"][2]["content"][2]["text"].startswith("\n\n")
    assert len(parts) == 2 and row["prompt"] == prompt


@pytest.mark.parametrize(
    ("constraint", "kept", "broken"),
    [
        (Constraint("list"), "- a\n- b", "- a and b"),
        (Constraint("question"), "Why? ", "Why? No."),
        (Constraint("keyword", "don't"), "I “don’t”.", "I do not."),
        (Constraint("least_words", 2), "a b", "a"),
    ],
)
def test_what_a_constraint_asks_is_what_is_checked(constraint: Constraint, kept: str, broken: str) -> None:
    assert constraint.holds(kept) and not constraint.holds(broken)


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match="'constraints' is 0"):
        vary_prompts([], constraints=0)
    with pytest.raises(DataError, match="The prompt has no user turn"):
        vary_prompts([Comparison(prompt=[{"role": "system", "content": "x"}], chosen="a b", rejected="c")])
