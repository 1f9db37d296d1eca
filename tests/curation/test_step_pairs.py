"""Comparisons of single steps: as many as winners times losers, with the same text before, and learned alone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from forest.words import renderer
from penchant.curation.step_pairs import StepPairs
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.records import Comparison
from penchant.forest import Encoder, build_forest


def solved(*solutions: tuple[str, float], **more: Any) -> dict[str, Any]:
    return {"prompt": "Q", "completions": [text for text, _ in solutions], "scores": [s for _, s in solutions], **more}


def pairs_of(row: dict[str, Any], **settings: Any) -> list[tuple[str, str, str]]:
    built = StepPairs(**settings).build(read([row], kind="ranking"))
    return [(each["steps_before"], each["chosen"], each["rejected"]) for each in built.rows]


def test_a_pair_for_each_winning_and_each_losing_step_after_the_same_steps() -> None:
    found = pairs_of(solved(("a\nb", 1), ("a\nc", 1), ("a\nd", 0), ("e\nb", 0)))
    assert found == [("", "a", "e"), ("a\n", "b", "d"), ("a\n", "c", "d")]


def test_a_step_that_is_on_a_winning_solution_is_never_rejected() -> None:
    generator = random.Random(0)
    for _ in range(30):
        solutions = [("\n".join(generator.choices("abc", k=3)), float(generator.random() < 0.4)) for _ in range(8)]
        winning = {text for text, score in solutions if score == 1 and any(other == 0 for _, other in solutions)}
        beginnings = {text[: 2 * size - 1] for text in winning for size in (1, 2, 3)}
        for before, chosen, rejected in pairs_of(solved(*solutions, id=1)):
            assert before + chosen in beginnings
            assert before + rejected not in beginnings
            assert any(text.startswith(before + rejected) for text, _ in solutions)


def test_steps_that_differ_in_white_space_are_one_step() -> None:
    assert pairs_of(solved(("a  b\nc", 1), ("a b\nd", 0))) == [("a  b\n", "c", "d")]


def test_the_leaves_of_a_tree_give_the_pairs_of_its_branches() -> None:
    nodes = [
        {"id": 1, "parent": None, "text": "a"},
        {"id": 2, "parent": 1, "text": "b", "value": 0.9},
        {"id": 3, "parent": 1, "text": "c", "value": 0.2},
    ]
    assert pairs_of({"prompt": "Q", "nodes": nodes}) == [("a\n", "b", "c")]
    nodes[0]["parent"] = 3
    with pytest.raises(DataError, match="The nodes of the tree form a cycle"):
        pairs_of({"prompt": "Q", "nodes": nodes})


def test_what_gives_no_pair_is_counted_and_an_empty_result_is_an_error(tmp_path) -> None:
    rows = [solved(("a\nb", 1), ("a\nb\nc", 0)), solved(("a", 0.5), ("b", 0.5))]
    built = StepPairs().build(read(rows))
    assert built.counts["dropped: no step of a winning solution has a losing sibling"] == 1
    assert built.counts["dropped: none of its solutions win"] == 1
    with pytest.raises(DataError, match=r"Nothing was built .* no step of a winning solution has a losing sibling"):
        built.write(tmp_path / "rows.jsonl")


def test_winners_may_be_all_with_a_positive_score() -> None:
    row = solved(("a", 1), ("b", 0.5), ("c", -1))
    assert pairs_of(row) == [("", "a", "b"), ("", "a", "c")]
    assert pairs_of(row, winners="positive") == [("", "a", "c"), ("", "b", "c")]


def test_the_number_of_pairs_is_limited_with_a_seed() -> None:
    row = solved(("a", 1), *[(each, 0) for each in "bcdef"])
    assert len(pairs_of(row, most=2)) == 2
    assert pairs_of(row, most=2, seed=3) == pairs_of(row, most=2, seed=3)


def test_only_the_step_is_learned_and_both_steps_follow_the_same_tokens() -> None:
    row = {"prompt": "the cat", "steps_before": " sat ran", "chosen": " the dog", "rejected": " the cat"}
    (example,) = Encoder(renderer(), ["chosen", "rejected"]).encode(read([row])).examples
    (chosen,), (rejected,) = example.views["chosen"], example.views["rejected"]
    encode = renderer().tokenizer.encode
    assert chosen.learned_ids == encode(" the dog", add_special_tokens=False)
    assert rejected.learned_ids == encode(" the cat", add_special_tokens=False)
    assert chosen.learned_places == rejected.learned_places == [2, 3]
    assert renderer().end_token_id not in chosen.learned_ids
    assert list(chosen.response[:3]) == list(rejected.response[:3])
    # prompt, steps before and the common word are computed once
    assert build_forest([chosen, rejected], [0, 0]).tokens == len(chosen.prompt) + 3 + 2 + 2


def test_with_nothing_before_it_is_the_response_without_its_end() -> None:
    plain = {"prompt": "the cat", "chosen": " sat", "rejected": " ran"}
    views = [
        Encoder(renderer(), ["chosen"]).encode(read([row])).examples[0].views["chosen"][0]
        for row in (plain, {**plain, "steps_before": ""})
    ]
    assert views[0].response == views[1].response
    assert views[0].learned_ids == [*views[1].learned_ids, renderer().end_token_id]


def test_the_columns_of_step_dpo_are_read() -> None:
    row = {"prompt": "Q", "initial_reason_steps": "Step 1: a\nStep 2:", "chosen": " b", "rejected": " c"}
    (record,) = read([row])
    assert isinstance(record, Comparison)
    assert record.fields == {"steps_before": "Step 1: a\nStep 2:"}


def test_steps_that_are_no_text_are_an_error() -> None:
    row = {"prompt": "the cat", "steps_before": [" sat"], "chosen": " the dog", "rejected": " the cat"}
    with pytest.raises(DataError, match=r"'steps_before' is .* expected the text before the step"):
        Encoder(renderer(), ["chosen"]).encode(read([row]))


def test_real_solutions_part_at_a_step(shared) -> None:
    records = read(shared / "data" / "gsm8k_solutions.jsonl.gz")
    built = StepPairs(most=4).build(records[:100])
    assert len(built.rows) > 100
    assert {row["step"] for row in built.rows} >= {0, 1}
    for row in built.rows:
        assert row["chosen"] != row["rejected"]
