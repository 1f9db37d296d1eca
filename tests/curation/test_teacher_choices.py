"""Rankings by a teacher's choices: different samples are taken, and scores are log mean choice probabilities."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.curation.edit_distance import edit_distance, far_apart
from penchant.curation.teacher_choices import FLOOR, TeacherChoices, choice_scores
from penchant.errors import DataError
from penchant.feedback import read

TEXTS = st.text("abcé", max_size=9)


def plain_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        before, row = row, [at]
        for place, second in enumerate(other, start=1):
            row.append(min(row[-1] + 1, before[place] + 1, before[place - 1] + (letter != second)))
    return row[-1]


@given(TEXTS, TEXTS)
def test_the_distance_is_that_of_the_whole_table(one: str, other: str) -> None:
    assert edit_distance(one, other) == plain_distance(one, other)


def test_the_distance_of_long_texts() -> None:
    one = "the cat sat on the mat. " * 20
    assert edit_distance(one, one.replace("cat", "dog")) == 60
    assert edit_distance(one, one[24:]) == 24


@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(1, 7))
def test_each_text_taken_is_the_farthest_from_those_before(texts: list[str], count: int) -> None:
    places = far_apart(texts, count)
    assert len({texts[place] for place in places}) == len(places) == min(count, len(set(texts)))
    for at in range(1, len(places)):
        gaps = [min(plain_distance(text, texts[before]) for before in places[:at]) for text in texts]
        assert gaps[places[at]] == max(gaps)


def test_scores_are_the_log_of_the_mean_choice_and_have_a_floor() -> None:
    table = torch.tensor([[0.5, 1.0, 1.0], [0.0, 0.5, 0.25], [0.0, 0.75, 0.5]])
    assert choice_scores(table) == pytest.approx([0.0, math.log((0.25 + FLOOR) / 2), math.log((0.75 + FLOOR) / 2)])


def test_the_judge_decides_and_prompts_with_few_samples_are_dropped() -> None:
    rows = [
        {"prompt": "2 + 2", "samples": ["4", "5 or 6", "7"], "answer": "4"},
        {"prompt": "2 + 3", "samples": ["5", "5", "5"], "answer": "5"},
    ]
    built = TeacherChoices(judge="verifier rule=number", keep=3).build(read(rows))
    (row,) = built.rows
    assert set(row["completions"]) == set(rows[0]["samples"])
    assert max(zip(row["scores"], row["completions"], strict=True))[1] == "4"
    assert "samples" not in row and row["answer"] == "4"
    assert built.counts["dropped: fewer than 3 different samples"] == 1
    assert read(built.rows).kind == "ranking"


def test_a_record_with_one_response_is_an_error() -> None:
    with pytest.raises(DataError, match="needs several responses to a prompt, but this demonstration has 1"):
        TeacherChoices(judge="verifier rule=number").build(read([{"prompt": "Q", "completion": "1", "answer": "1"}]))
