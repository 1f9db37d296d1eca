"""Reward-augmented data: the sheet's checks, and what the released script does wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.curation.reward_augmented import Goal, reward_augmented
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import Comparison, read
from penchant.receipts.checking import check_case

SCORES = st.integers(2, 20).map(lambda half: half / 2)
CHAT = [{"role": "user", "content": "Hi"}]


def pair(high: Any, low: Any, prompt: Any = None, **fields: Any) -> Comparison:
    many = isinstance(high, dict)
    names = ("chosen_scores", "rejected_scores") if many else ("chosen_score", "rejected_score")
    return Comparison(
        prompt=CHAT if prompt is None else prompt,
        chosen=f"better {high} {low}",
        rejected=f"worse {high} {low}",
        fields={names[0]: high, names[1]: low, **fields},
    )


@given(st.lists(st.tuples(SCORES, SCORES), max_size=8), st.sampled_from(["system", "user"]))
def test_two_blocks_of_which_the_second_is_the_first_turned_round(
    scores: list[tuple[float, float]], place: str
) -> None:
    records = [pair(max(each), min(each)) for each in scores]
    kept = [each for each in records if each.fields["chosen_score"] > each.fields["rejected_score"]]
    rows = reward_augmented(records, Goal(place)).rows
    assert len(rows) == 2 * len(kept)
    for record, first, second in zip(kept, rows[: len(kept)], rows[len(kept) :], strict=True):
        assert (first["chosen"], first["rejected"]) == (record.chosen, record.rejected)
        assert (second["chosen"], second["rejected"]) == (record.rejected, record.chosen)
        # Each row asks for the score of its own chosen response.
        assert first["goal"] == record.fields["chosen_score"]
        assert second["goal"] == record.fields["rejected_score"]
        for row in (first, second):
            lead = row["prompt"][0]
            assert lead["role"] == place and f"Overall score: {row['goal']}." in lead["content"]
            # The reward under the goal prefers the chosen response of both rows.
            assert row["chosen_score"] == 0 > row["rejected_score"]
            assert row["rejected_score"] == -((record.fields["chosen_score"] - record.fields["rejected_score"]) ** 2)


@pytest.mark.parametrize("place", ["system", "user"])
def test_rows_share_nothing_with_the_records_or_with_each_other(place: str) -> None:
    record = pair(9, 2, tags=["a"])
    before = copy.deepcopy(record)
    rows = reward_augmented([record], Goal(place), originals=1.0).rows
    rows[0]["prompt"][0]["content"] = "changed"
    rows[0]["tags"].append("b")
    assert record == before
    assert rows[1]["prompt"][0]["content"].count("score") == 2  # the goal stands there once
    assert rows[1]["tags"] == rows[2]["tags"] == ["a"]


def test_equal_scores_are_dropped_unless_asked_for_and_contradicted_labels_always() -> None:
    records = [pair(5, 5), pair(3, 4), pair(9, 2)]
    built = reward_augmented(records)
    assert len(built.rows) == 2
    assert built.counts["dropped: equal scores"] == 1
    assert built.counts["dropped: the rejected response has the higher score"] == 1
    assert len(reward_augmented(records, keep_equal=True).rows) == 4


def test_several_attributes_have_a_line_each() -> None:
    rows = reward_augmented([pair({"helpful": 4, "honest": 4.5}, {"helpful": 5, "honest": 1})]).rows
    assert rows[0]["prompt"][0]["content"].endswith("\nhelpful: 4\nhonest: 4.5.")
    assert rows[1]["prompt"][0]["content"].endswith("\nhelpful: 5\nhonest: 1.")
    assert rows[1]["goal"] == {"helpful": 5, "honest": 1}


def test_a_system_message_stays_the_only_one_and_a_text_begins_with_the_goal() -> None:
    system = {"role": "system", "content": "Be brief."}
    goal = Goal(template="Score {lines} of {high}", scale=(0, 5))
    row = reward_augmented([pair(4, 2, [system, *CHAT])], goal).rows[0]
    assert row["prompt"] == [{"role": "system", "content": "Score Overall score: 4 of 5\n\nBe brief."}, *CHAT]
    assert reward_augmented([pair(4, 2, "Hi")], goal).rows[0]["prompt"] == "Score Overall score: 4 of 5\n\nHi"


def test_what_was_said_of_the_original_order_is_left_out() -> None:
    rows = reward_augmented([pair(9, 2, margin=7.0, probability=0.9, id="a")]).rows
    assert all("margin" not in row and "probability" not in row and row["id"] == "a" for row in rows)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_originals_are_drawn_under_the_seed(share: float, expected: int) -> None:
    records = [pair(9, 2, id=number) for number in range(4)]
    rows = reward_augmented(records, originals=share, seed=3).rows
    assert len(rows) == 8 + expected and rows == reward_augmented(records, originals=share, seed=3).rows
    assert all(row["prompt"] == CHAT for row in rows[8:])


def test_rows_read_back_as_comparisons() -> None:
    assert read(reward_augmented([pair(9, 2)]).rows).kind == "comparison"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(DataError, match="no scores for its two responses"):
        reward_augmented([Comparison(prompt="Hi", chosen="a", rejected="b")])
    with pytest.raises(DataError, match="have different attributes"):
        reward_augmented([pair({"a": 1}, {"b": 2})])
    with pytest.raises(ConfigurationError, match=r"no '\{lines\}'"):
        Goal(template="Do well.")
    with pytest.raises(ConfigurationError, match="no place 'sytem'"):
        Goal("sytem")
    with pytest.raises(ConfigurationError, match="originals is 2"):
        reward_augmented([pair(9, 2)], originals=2)


def test_the_receipt_keeps_equal_scores_as_the_script_does() -> None:
    equal = {"chosen": "a", "rejected": "b", "score_chosen": 5.0, "score_rejected": 5.0}
    expected = [{"goal": 5, "chosen": "a", "rejected": "b"}, {"goal_text": "5", "chosen": "b", "rejected": "a"}]
    case = {"method": "reward-augmented-data", "case": "equal", "inputs": {"pairs": [equal]}}
    assert check_case({**case, "expected": {"augmented": expected}}).verdict == "exact"
