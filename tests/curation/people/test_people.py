"""The majority's labels, and a person's own nearest pairs in the prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.curation.people.majority import Majority
from penchant.curation.people.own_examples import OwnExamples
from penchant.errors import DataError
from penchant.feedback import read
from small_runs import write_pairs


def row(prompt: str, chosen: str, rejected: str, who: str = "Ann", **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, "annotator": who, **more}


def test_most_annotators_decide_whoever_stands_first_and_ties_are_dropped() -> None:
    rows = [
        row("p", "a", "b", chosen_score=2, rejected_score=1),
        row("p", "b", "a", "Bob"),
        row("p", "b", "a", "Cy"),
        row("q", "a", "b"),
        row("q", "b", "a", "Bob"),
        row("r", "c", "d"),
    ]
    built = Majority().build(read(rows))
    said = [(each["prompt"], each["chosen"], each["labels"], each["agreed"]) for each in built.rows]
    assert said == [("p", "b", 3, pytest.approx(2 / 3)), ("r", "c", 1, 1.0)]
    assert built.counts == {"records read": 6, "comparisons": 2, "dropped: tied": 1}
    assert all("annotator" not in each for each in built.rows)
    turned = next(iter(built.rows))
    assert (turned["chosen_score"], turned["rejected_score"]) == (1, 2)


def test_identical_annotators_give_the_labels_of_one() -> None:
    own = [row("p", "a", "b"), row("q", "d", "c")]
    built = Majority().build(read([each | {"annotator": who} for each in own for who in "xyz"]))
    assert [(each["chosen"], each["agreed"]) for each in built.rows] == [("a", 1.0), ("d", 1.0)]


LABELLED = [
    row("what is a red car", "a", "b"),
    row("how old is the tree", "c", "d"),
    row("what is a red car", "e", "f", "Bob"),
]


def examples(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> Any:
    given = {"embedder": "tf-idf", **settings}
    return OwnExamples(labelled=str(write_pairs(folder / "labelled.jsonl", LABELLED)), **given).build(read(rows))


def test_a_prompt_shows_the_nearest_pair_of_its_own_annotator(tmp_path: Path) -> None:
    built = examples(tmp_path, [row("which red car", "x", "y"), row("which red car", "x", "y", "Bob")], shots=1)
    ann, bob = (each["prompt"] for each in built.rows)
    assert "Preferred: a" in ann and "Preferred: e" not in ann and "Preferred: c" not in ann
    assert "Preferred: e" in bob
    assert ann.endswith("Question: which red car\nPreferred:")
    assert built.rows[0]["original_prompt"] == "which red car"
    both = examples(tmp_path, [row("which red car", "x", "y")], shots=2).rows[0]["prompt"]
    assert both.index("Preferred: c") < both.index("Preferred: a")  # the nearest one stands last


def test_without_shots_prompts_stay_and_a_pair_never_shows_itself(tmp_path: Path) -> None:
    asked = [row("what is a red car", "b", "a")]  # the labelled pair, the other way round
    assert examples(tmp_path, asked, shots=0).rows[0]["prompt"] == "what is a red car"
    built = examples(tmp_path, asked, shots=2)
    assert "Preferred: a" not in built.rows[0]["prompt"] and built.counts["with fewer than 2 examples"] == 1


def test_a_record_without_annotator_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"memory:1.*no field 'annotator'"):
        examples(tmp_path, [{"prompt": "p", "chosen": "a", "rejected": "b"}])
    assert json.loads((tmp_path / "labelled.jsonl").read_text().splitlines()[0])["annotator"] == "Ann"
