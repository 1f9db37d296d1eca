"""Prompts with earlier comparisons of their annotator: own ones only, never the asked one, equal for equal seeds."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.curation.few_shot import FewShot, shown_before
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.records import Comparison


def rows(people: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"{who} asks {number}",
            "chosen": f"{who} likes {number}",
            "rejected": f"{who} hates {number}",
            "annotator": who,
        }
        for who, count in people.items()
        for number in range(count)
    ]


def test_a_prompt_holds_examples_of_its_annotator_and_never_the_asked_pair() -> None:
    built = FewShot(shots=3).build(read(rows({"Ann": 9, "Bob": 8})))
    assert len(built.rows) == 8 * (2 + 2)
    for row in built.rows:
        other = {"Ann": "Bob", "Bob": "Ann"}[row["annotator"]]
        assert other not in row["prompt"] and row["prompt"].count("Preferred: ") == 3
        assert row["chosen"] not in row["prompt"] and row["rejected"] not in row["prompt"]


def test_without_shots_the_records_stay_as_they_are() -> None:
    given = rows({"Ann": 3})
    built = FewShot(shots=0, repeats=1).build(read(given))
    assert sorted(map(str, built.rows)) == sorted(map(str, given))


def test_other_annotators_change_nothing_for_one() -> None:
    alone, both = (FewShot(shots=1).build(read(rows(people))) for people in ({"Ann": 6}, {"Bob": 5, "Ann": 6}))
    assert list(alone.rows) == [row for row in both.rows if row["annotator"] == "Ann"]


def test_annotators_with_too_few_comparisons_and_repeated_ones_are_counted() -> None:
    built = FewShot(shots=2, repeats=1).build(read([*rows({"Ann": 2, "Bob": 3}), *rows({"Ann": 1})]))
    assert [row["annotator"] for row in built.rows] == ["Bob"]
    assert built.counts == {
        "records read": 6,
        "dropped: repeated by its annotator": 1,
        "dropped: of an annotator with 2 comparisons or fewer": 2,
        "comparisons": 1,
    }


def test_messages_keep_their_turns_and_the_last_one_of_the_user_gets_the_examples() -> None:
    shot = Comparison(prompt="Hi", chosen="Hello!", rejected="What?")
    asked = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "Two"},
    ]
    found = shown_before([shot], asked)
    assert found[:2] == asked[:2] and found[2]["content"].endswith("Question: Two\nPreferred:")
    assert asked[2]["content"] == "Two" and "Hello!" in found[2]["content"]


def test_a_record_without_annotator_is_refused_with_its_place() -> None:
    with pytest.raises(DataError, match=r"memory:1.*no field 'who'"):
        FewShot(annotator="who").build(read(rows({"Ann": 1})))


def described(people: dict[str, int]) -> list[dict[str, Any]]:
    return [{**row, "about": f"{row['annotator']} likes it short."} for row in rows(people)]


def test_a_description_comes_before_the_examples_of_its_annotator() -> None:
    built = FewShot(shots=1, repeats=1, description="about").build(read(described({"Ann": 2, "Bob": 2})))
    assert len(built.rows) == 2
    for row in built.rows:
        first, example, task = row["prompt"].split("\n\n")
        assert first == f"About this user: {row['annotator']} likes it short." and example.startswith("Example 1")
        assert task.startswith("Give the response") and row["chosen"].startswith(f"{row['annotator']} likes")
    alone = FewShot(shots=0, repeats=1, description="about").build(read(described({"Ann": 1}))).rows[0]
    assert alone["prompt"].startswith("About this user: Ann likes it short.\n\nGive the response")


def test_the_model_writes_the_description_before_both_responses() -> None:
    settings = {"shots": 1, "repeats": 1, "description": "about", "described": "response"}
    [row] = FewShot(**settings).build(read(described({"Ann": 2}))).rows
    assert "likes it short" not in row["prompt"] and row["prompt"].endswith("\nThe user:")
    assert "Describe this user, then" in row["prompt"]
    for side, verb in (("chosen", "likes"), ("rejected", "hates")):
        words, response = row[side].split("\n")
        assert words == "Ann likes it short." and response.startswith(f"Preferred: Ann {verb} ")


def test_a_record_without_its_description_is_refused_with_its_place() -> None:
    given = [{**row, "about": ""} for row in described({"Ann": 2})]
    with pytest.raises(DataError, match=r"memory:\d.*no description of its annotator in the field 'about'"):
        FewShot(shots=1, description="about").build(read(given))
