"""Model cards: names of files and models stay names, whatever signs they are made of."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from penchant.training.card import model_card
from penchant.training.markdown import as_code, as_text, fenced

SIGNS = st.text(st.sampled_from("`~*_[]()<>#|&a \n\x1b\u202e"), max_size=12)
NASTY = "a`b\n# c [d](javascript:e) <script>f</script> ``` | \x1b[2J"


@given(SIGNS)
def test_code_ends_where_it_should_and_not_before(text: str) -> None:
    found = as_code(text)
    mark = re.match("`+", found)[0]  # type: ignore[index]
    inside = found[len(mark) : -len(mark)]
    assert mark not in re.findall("`+", inside) and "\n" not in found
    assert found.endswith(mark) and mark not in inside


@given(SIGNS)
def test_no_sign_of_a_text_stands_alone(text: str) -> None:
    found = as_text(text)
    assert "\n" not in found and "\x1b" not in found
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>#|~&]", found)


@given(st.lists(SIGNS, max_size=4).map("\n".join))
def test_a_block_holds_its_whole_text(text: str) -> None:
    start, *_, end = fenced(text, "yaml")
    assert start == f"{end}yaml" and set(end) == {"`"} and len(end) >= 3
    assert all(len(each) < len(end) for each in re.findall("`+", text))


def test_a_card_shows_names_as_they_are() -> None:
    summary = {
        "title": f"dpo on {NASTY}",
        "model": NASTY,
        "data": NASTY,
        "objective": "dpo",
        "examples": 1,
        "steps": 1,
        "seed": 0,
        "versions": {"penchant": "0"},
        "measured_on": f"the data, {NASTY}",
        "before": {},
        "after": {},
        "fingerprints": {"data": "ab", "model": "cd"},
    }
    card = model_card(summary, f"data: {NASTY}\n```\n# g", "paper", {"library_name": "x"})
    assert "\n# dpo on a\\`b\\\\n\\# c \\[d\\](javascript:e) \\<script\\>f" in card
    assert card.count("\n````yaml\n") == 1 and card.count("\n````\n") == 1
    assert "\x1b" not in card
    outside = re.sub(r"(?s)````yaml.*?\n````\n", "", re.sub(r"(````).*?\1", "", card))
    assert "<script>" not in outside and "](javascript" not in outside.replace("\\]", "")
