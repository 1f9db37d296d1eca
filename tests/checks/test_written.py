"""How texts are written: HTML, wrongly decoded signs, and words for a missing value."""

from __future__ import annotations

import pytest

from penchant.checks.doctor import examine
from penchant.feedback import read


def found(**texts: str) -> list[str]:
    row = {"prompt": "Tea?", "chosen": "Yes.", "rejected": "No.", **texts}
    names = ("texts with HTML", "wrongly decoded texts", "responses without content")
    checks = examine(read([row]), None).checks
    assert all(check.verdict == "note" and "memory:1" in check.detail for check in checks if check.name in names)
    return [check.name for check in checks if check.name in names]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("3 &lt; 4", "texts with HTML"),
        ("<p>Yes.</p>", "texts with HTML"),
        ("It&#39;s so.", "texts with HTML"),
        ("CafÃ©", "wrongly decoded texts"),
        ("itâ€™s", "wrongly decoded texts"),
        ("NaN", "responses without content"),
        ("[deleted]", "responses without content"),
    ],
)
def test_texts_that_look_damaged_are_a_note(text: str, name: str) -> None:
    assert found(chosen=text) == [name]


@pytest.mark.parametrize("text", ["a < b && c > d", "Château, crème", "â table", "None of them.", "R&D; I see", "<br"])
def test_other_texts_are_none(text: str) -> None:
    assert found(chosen=text) == []


def test_a_missing_value_matters_in_responses_alone() -> None:
    assert found(prompt="null") == []
