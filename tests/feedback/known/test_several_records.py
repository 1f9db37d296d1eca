"""Layouts whose records span several rows, or whose rows hold several records."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.checks.doctor import LEFT_OUT, examine
from penchant.checks.unused import unused_columns
from penchant.errors import DataError
from penchant.feedback import Ranking, read
from penchant.feedback.pairing import paired
from penchant.feedback.passages import Passage, continued
from penchant.feedback.records import Comparison


def message(name: str, before: str | None, text: str = "x", rank: int | None = None, **more: Any) -> dict[str, Any]:
    role = "prompter" if name.startswith("q") else "assistant"
    return {"message_id": name, "parent_id": before, "text": text, "role": role, "rank": rank, **more}


RANKED = [message("q", None, "Tea?"), message("a", "q", "Yes.", 0), message("b", "q", "No.", 1)]


def test_answers_that_cannot_be_compared_are_counted_with_the_reason() -> None:
    rest = [
        message("c", "q", "Hm."), message("d", "q", "Bad.", 2, deleted=True), message("e", "gone", "Lost.", 0),
        message("q2", "a", "Milk?"), message("f", "q2", "Alone.", 0),
    ]  # fmt: skip
    found = read([*RANKED, *rest])
    assert [each.responses for each in found] == [("Yes.", "No.")] and not found.bad
    assert found.origin.left_out == (
        "1 answers without a rank, 1 deleted answers, 1 answers whose conversation is not in the data, "
        "1 answers without a second ranked answer to the same message"
    )


def test_the_order_of_the_rows_of_a_conversation_does_not_matter() -> None:
    assert [each.responses for each in read(RANKED[::-1])] == [("No.", "Yes.")]
    assert str(read(RANKED)[0].source) == "memory:2"


def test_an_ancestor_that_is_its_own_answer_ends_no_search() -> None:
    circle = [message("q1", "a1", "Tea?"), message("a1", "q1", "Yes.", 0), message("a2", "q1", "No.", 1)]
    found = read([*RANKED, *circle])
    assert len(found) == 1 and "2 answers whose conversation is not in the data" in found.origin.left_out


def test_a_message_that_stands_twice_is_named() -> None:
    with pytest.raises(DataError, match=r"memory:4: The message 'b' occurs a second time; the first is memory:3"):
        read([*RANKED, RANKED[2]])


def test_trees_without_ranks_are_no_rankings() -> None:
    bare = [{name: value for name, value in row.items() if name != "rank"} for row in RANKED]
    with pytest.raises(DataError, match=r"No message has two ranked answers: 2 answers without a rank.*'messages'"):
        read(bare)


def test_a_message_of_a_tree_without_text_is_named() -> None:
    tree = {"prompt": {"text": "Tea?", "role": "prompter", "replies": [
        {"text": None, "role": "assistant", "rank": rank, "replies": []} for rank in (0, 1)]}}  # fmt: skip
    with pytest.raises(DataError, match=r"memory:1: 'text' is nothing \(null\), expected the text of a message"):
        read([tree])


def step(*rated: tuple[str, int | None], chosen: int | None = None) -> dict[str, Any]:
    return {"completions": [{"text": text, "rating": rating} for text, rating in rated], "chosen_completion": chosen}


def solution(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"question": {"problem": "2 + 3 + 4?"}, "label": {"steps": list(steps)}}


def test_of_rated_alternatives_only_the_step_is_learned() -> None:
    row = solution(step(("2 + 3 = 5", 1), chosen=0), step(("5 + 4 = 9", 1), ("5 + 4 = 8", -1), ("Hm.", None)))
    (ranked,) = found = read([row])
    assert isinstance(ranked, Ranking) and ranked.scores == (1.0, -1.0)
    (pair,) = paired(found).feedback
    assert isinstance(pair, Comparison)
    for record, text in ((ranked, ranked.completions[0]), (pair, pair.chosen)):
        learned = continued(record, text)
        assert isinstance(learned, Passage) and (str(learned), learned.part) == ("2 + 3 = 5\n5 + 4 = 9", "5 + 4 = 9")
    assert found.origin.left_out == "1 alternatives without a rating, 1 steps without two ratings that differ"
    (said,) = [check for check in examine(found, None).checks if check.name == LEFT_OUT]
    assert (said.verdict, said.value) == ("note", found.origin.left_out)


def test_a_solution_that_goes_on_without_a_chosen_step_is_named() -> None:
    row = solution(step(("2 + 3 = 6", -1)), step(("9", 1), ("8", -1)))
    with pytest.raises(DataError, match=r"'label\.steps\[0\]\.chosen_completion' is nothing.*the solution goes on"):
        read([row])


def test_steps_that_are_rated_alone_are_refused_with_the_reason() -> None:
    with pytest.raises(DataError, match=r"No step has two alternatives.*1 steps without.*no kind of feedback for a"):
        read([solution(step(("9", 1)))])


def test_a_choice_that_names_no_summary_is_named() -> None:
    row = {"info": {"post": "Keys lost."}, "summaries": [{"text": "a"}, {"text": "b"}], "choice": 2}
    with pytest.raises(DataError, match=r"'choice' is a number \(2\), expected 0 or 1"):
        read([row])


def test_a_label_that_is_a_text_beside_a_prompt_is_said_to_be_its_answer() -> None:
    (found,) = unused_columns(read([{"prompt": "POST: I lost my keys.\nTL;DR:", "label": "My keys are lost."}]))
    assert found.value == "label" and "--map completion=label makes it the response" in found.detail
