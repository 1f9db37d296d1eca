"""Truncation: results never exceed max_length, and every cut is counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.rendering import CutTable, Truncation

ids = st.lists(st.integers(3, 99), max_size=12)
END, BOS = 2, 1


@st.composite
def records(draw: st.DrawFn) -> tuple[list[int], list[list[int]], int]:
    keep_first = draw(st.integers(0, 1))
    prompt = [BOS] * keep_first + draw(ids)
    responses = [[*draw(ids), END] for _ in range(draw(st.integers(0, 3)))]
    return prompt or [7], responses, keep_first


@given(records(), st.integers(2, 16), st.sampled_from(["prompt_left", "response_right", "drop"]))
def test_never_longer_than_max_length(record: tuple, max_length: int, policy: str) -> None:
    prompt, responses, keep_first = record
    fitted = Truncation(max_length, policy).fit(prompt, responses, keep_first=keep_first)  # type: ignore[arg-type]
    if fitted.dropped is None:
        assert len(fitted.prompt) >= 1
        assert all(len(fitted.prompt) + len(response) <= max_length for response in fitted.responses)
        assert len(fitted.responses) == len(responses) and all(fitted.responses)
        assert len(prompt) - len(fitted.prompt) == fitted.prompt_cut
        lost = tuple(len(old) - len(new) for old, new in zip(responses, fitted.responses, strict=True))
        assert lost == fitted.responses_cut
    else:
        assert fitted.responses == []
        assert max((len(prompt) + len(response) for response in responses), default=len(prompt)) > max_length


@given(records(), st.integers(2, 16))
def test_prompt_left_keeps_responses_and_the_prompts_ends(record: tuple, max_length: int) -> None:
    prompt, responses, keep_first = record
    fitted = Truncation(max_length).fit(prompt, responses, keep_first=keep_first)
    longest = max(map(len, responses), default=0)
    if fitted.dropped is not None:
        assert longest + max(1, keep_first) > max_length
        return
    assert fitted.responses == responses
    assert fitted.prompt[:keep_first] == prompt[:keep_first]
    rest = fitted.prompt[keep_first:]
    assert rest == prompt[len(prompt) - len(rest) :]
    if fitted.prompt_cut:
        assert len(fitted.prompt) + longest == max_length, "no more is cut than needed"


@given(records(), st.integers(2, 16))
def test_response_right_keeps_a_prompt_that_fits(record: tuple, max_length: int) -> None:
    prompt, responses, keep_first = record
    fitted = Truncation(max_length, "response_right").fit(prompt, responses, keep_first=keep_first)
    assert fitted.dropped is None
    assert (fitted.prompt_cut == 0) == (len(prompt) < max_length or (not responses and len(prompt) == max_length))
    assert all(new == old[: len(new)] for old, new in zip(responses, fitted.responses, strict=True))


@given(records())
def test_without_a_limit_nothing_is_cut(record: tuple) -> None:
    prompt, responses, keep_first = record
    fitted = Truncation(None, "error").fit(prompt, responses, keep_first=keep_first)
    assert (fitted.prompt, fitted.responses, fitted.prompt_cut) == (prompt, responses, 0)


def test_the_error_states_the_length_and_the_fix() -> None:
    with pytest.raises(DataError, match=r"3 prompt \+ 2 response tokens, more than max_length = 4.*to 5"):
        Truncation(4, "error").fit([1, 5, 6], [[7, 2]])


def test_wrong_choices_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'prompt_lef'.*Did you mean 'prompt_left'"):
        Truncation(8, "prompt_lef")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="at least 2"):
        Truncation(1)


def test_table_counts_every_kind_of_cut() -> None:
    table = CutTable()
    table.add(Truncation(9).fit([1, 5, 6], [[7, 2], [8, 2]], keep_first=1))
    table.add(Truncation(4).fit([1, 5, 6], [[7, 2], [8, 2]], keep_first=1))
    table.add(Truncation(4, "response_right").fit([1, 5, 6], [[7, 8, 2], [7, 9, 2]], keep_first=1))
    table.add(Truncation(4).fit([1, 5], [[7, 8, 9, 2]], keep_first=1))
    table.add(Truncation(4, "drop").fit([1, 5, 6], [[7, 2]], keep_first=1))
    table.drop("no tokens")
    assert table.as_dict() == {
        "kept": 3,
        "prompt_cut": 1,
        "response_cut": 1,
        "end_token_lost": 2,
        "identical_after_cut": 1,
        "dropped": 3,
        "dropped_because": {"response longer than max_length": 1, "longer than max_length": 1, "no tokens": 1},
    }
