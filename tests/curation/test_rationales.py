"""Rationales: what is asked, and that every answer comes to its own record."""

from __future__ import annotations

import pytest

from penchant.curation.rationales import ask_for_rationales, attach_rationales
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import Comparison


def records(count: int = 6) -> list[Comparison]:
    return [
        Comparison(prompt=f"q{at}", chosen=f"good{at}", rejected=f"bad{at}", fields={"id": f"r{at}"})
        for at in range(count)
    ]


@pytest.mark.parametrize("kind", ["general", "specific"])
def test_a_question_shows_the_prompt_and_both_responses_and_names_the_better_one(kind: str) -> None:
    for record, row in zip(records(), ask_for_rationales(records(), kind=kind).rows, strict=True):
        text = row["prompt"]
        assert text.index(str(record.prompt)) < text.index(str(record.chosen)) < text.index(str(record.rejected))
        assert "Assistant 1 is preferable" in text and row["rationale_first"] == "chosen"


def test_shuffling_names_the_better_one_where_it_stands_and_follows_the_seed() -> None:
    rows = ask_for_rationales(records(40), shuffle=True, seed=1).rows
    assert {row["rationale_first"] for row in rows} == {"chosen", "rejected"}
    for row in rows:
        better = "1" if row["rationale_first"] == "chosen" else "2"
        assert f"[Assistant {better}]\ngood" in row["prompt"] and f"Assistant {better} is preferable" in row["prompt"]
    assert rows == ask_for_rationales(records(40), shuffle=True, seed=1).rows


def test_a_mark_inside_a_response_is_not_filled_in() -> None:
    pair = Comparison(prompt="Hi", chosen="see {second}", rejected="secret")
    assert ask_for_rationales([pair], template="{first}|{second}").rows[0]["prompt"] == "see {second}|secret"


def test_answers_find_their_records_by_number_by_a_column_or_by_order() -> None:
    expected = [f"why{at}" for at in range(6)]
    numbered = [{"record": at + 1, "rationale": f"why{at}"} for at in range(6)]
    named = [{"id": f"r{at}", "rationale": f"why{at}"} for at in range(6)]
    ordered = [{"rationale": f"why{at}"} for at in range(6)]
    for answers, by in ((numbered[::-1], None), (named[::-1], "id"), (ordered, None)):
        built = attach_rationales(records(), answers, by=by)
        assert [row["rationale"] for row in built.rows] == expected
        assert [row["prompt"] for row in built.rows] == [record.prompt for record in records()]
    renamed = attach_rationales(records(), [{"prompt": text} for text in expected], column="prompt")
    assert [(row["prompt"], row["rationale"]) for row in renamed.rows] == [(f"q{at}", f"why{at}") for at in range(6)]


def test_the_rationale_may_stand_in_the_rows_themselves_and_empty_ones_are_left_out() -> None:
    given = [
        Comparison(prompt="q", chosen="a", rejected="b", fields={"why": text}) for text in ("It is true.", " ", None)
    ]
    built = attach_rationales(given, column="why")
    assert [row["rationale"] for row in built.rows] == ["It is true."]
    assert "why" not in built.rows[0] and built.counts["dropped: no rationale"] == 2


def test_what_cannot_be_joined_is_named() -> None:
    with pytest.raises(DataError, match="2 answers for 6 records"):
        attach_rationales(records(), [{"rationale": "a"}, {"rationale": "b"}])
    with pytest.raises(DataError, match="Two answers have the id 'r1'"):
        attach_rationales(records(), [{"id": "r1", "rationale": "a"}] * 2, by="id")
    with pytest.raises(DataError, match="No row has a rationale"):
        attach_rationales(records())
    with pytest.raises(ConfigurationError, match="Did you mean 'general'"):
        ask_for_rationales(records(), kind="generel")
    with pytest.raises(ConfigurationError, match=r"no '\{second\}'"):
        ask_for_rationales(records(), template="{first}")
