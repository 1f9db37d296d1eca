"""What hurts training on judgements: unequal classes, both labels on one text, labels that follow length or prompts."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.checks.diagnosis import Check
from penchant.checks.doctor import examine
from penchant.feedback import read


def rows(good: int, bad: int, prompt: str = "ask {label} {number}", text: str = "answer {number}") -> list[Any]:
    return [
        {
            "prompt": prompt.format(label=label, number=number),
            "completion": text.format(number=number, label=label),
            "label": label,
        }
        for label, count in ((True, good), (False, bad))
        for number in range(count)
    ]


def found(data: list[Any], name: str) -> Check:
    [check] = [each for each in examine(read(data), None).checks if each.name == name]
    return check


@pytest.mark.parametrize(
    ("good", "bad", "weight"),
    [(2, 6, "desirable_weight=3 "), (16, 2, "undesirable_weight=6 "), (5, 5, ""), (5, 4, "")],
)
def test_the_ratio_of_the_classes_comes_with_the_weight_that_balances_it(good: int, bad: int, weight: str) -> None:
    check = found(rows(good, bad), "label balance")
    assert f"{good} desirable, {bad} undesirable." in check.detail
    assert weight in check.detail and ("balances" in check.detail) == bool(weight)


def test_one_class_alone_is_said_with_the_method_for_it() -> None:
    assert "nll" in found(rows(3, 0), "label balance").detail
    assert "d2o" in found(rows(0, 3), "label balance").detail


def test_one_text_with_both_labels_is_a_contradiction() -> None:
    torn = [{"prompt": "ask", "completion": "yes", "label": label} for label in (True, False)]
    check = found([*rows(2, 2), *torn], "contradictions")
    assert check.verdict == "warning" and check.value.startswith("1 ")
    assert found(rows(2, 2), "contradictions").verdict == "ok"


def test_labels_that_follow_length_are_warned_of_by_the_area_under_the_curve() -> None:
    longer = [
        {"prompt": f"ask {n}", "completion": "word " * (5 + n % 3 + 4 * (n % 2)), "label": bool(n % 2)}
        for n in range(40)
    ]
    check = found(longer, "better response is longer")
    assert check.verdict == "warning" and check.value == "100.0 %"
    assert found(rows(20, 20), "better response is longer").verdict == "ok"


def test_prompts_that_have_one_label_each_are_noted() -> None:
    assert found(rows(4, 4), "prompts with both labels").verdict == "note"
    assert "density-ratio" in found(rows(4, 4), "prompts with both labels").detail
    shared = found(rows(4, 2, prompt="ask {number}"), "prompts with both labels")
    assert shared.verdict == "ok" and shared.value.startswith("2 ")
