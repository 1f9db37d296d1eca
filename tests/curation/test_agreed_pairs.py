"""Curation by two reward models: kept, flipped, relabelled or dropped, and never a pair beside its flipped copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penchant.curation.agreed_pairs import PreferenceCuration, flipped, verdict
from penchant.feedback import read

# The score of a response is the number behind the name of the judge: "best=1 gold=0 vote=1".
JUDGES = "".join(
    f"def {name}(prompt, response):\n    return float(dict(w.split('=') for w in response.split())['{name}'])\n\n\n"
    for name in ("best", "gold", "vote")
)


@pytest.fixture
def judges(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "judges.py"
    path.write_text(JUDGES)
    best, gold, vote = (f"function,path={path}:{name}" for name in ("best", "gold", "vote"))
    return {"best": best, "gold_model": gold, "judge": [vote]}


def pair(name: str, best: int, gold: int, vote: int) -> dict[str, str]:
    """A pair whose chosen response has these scores, +1, 0 or −1, where the other has 0."""
    return {
        "prompt": name,
        "chosen": f"best={best} gold={gold} vote={vote}",
        "rejected": "best=0 gold=0 vote=0",
    }


def test_each_outcome_and_its_count(judges: dict[str, Any]) -> None:
    given = [
        pair("both agree", 1, 1, -1),
        pair("both reject", -1, -1, 1),
        pair("votes confirm", -1, 1, 1),
        pair("votes reject", -1, 1, -1),
        pair("votes tie", -1, 1, 0),
        pair("only best agrees", 1, -1, 1),
        pair("undecided", 0, 1, 1),
    ]
    built = PreferenceCuration(**judges, repeats=3).build(read(given))
    assert [(row["prompt"], row["curated"]) for row in built.rows] == [
        ("both agree", "kept"),
        ("both reject", "flipped"),
        ("votes confirm", "relabelled"),
    ]
    assert built.rows[1]["rejected"] == given[1]["chosen"]
    assert built.counts == {
        "records read": 7,
        "kept: both models agree with the label": 1,
        "flipped: both models reject the label": 1,
        "kept: relabelled, and the gold model agrees": 1,
        "dropped: relabelled, and the gold model disagrees": 1,
        "dropped: the judges' votes are tied": 1,
        "dropped: the gold model disagrees": 1,
        "dropped: a model cannot decide": 1,
    }


def test_without_judges_what_only_the_gold_model_confirms_is_dropped(judges: dict[str, Any]) -> None:
    judges["judge"] = []
    built = PreferenceCuration(**judges).build(read([pair("p", -1, 1, 1)]))
    assert not built.rows and built.counts["dropped: the best model disagrees, and there is no judge to relabel"] == 1


def test_a_pair_and_its_flipped_copy_become_one(judges: dict[str, Any]) -> None:
    right = pair("p", 1, 1, 1)
    wrong = {**right, "chosen": right["rejected"], "rejected": right["chosen"]}
    for given in ([right, wrong], [wrong, right]):
        built = PreferenceCuration(**judges).build(read(given))
        assert len(built.rows) == 1 and built.rows[0]["chosen"] == right["chosen"]


def test_one_model_twice_is_a_filter_by_that_model() -> None:
    assert {verdict(p, p) for p in (0.6, 1.0)} == {"keep"} and {verdict(p, p) for p in (0.0, 0.4)} == {"flip"}
    assert verdict(float("nan"), 0.9) == verdict(0.9, float("nan")) == verdict(0.5, 0.5) == "drop"


def test_flipping_twice_gives_the_row_again() -> None:
    texts = {"prompt": "p", "chosen": "a", "rejected": "b"}
    row = {**texts, "chosen_score": 2, "rejected_score": 1, "margin": 1.0, "id": 3}
    once = flipped(row)
    assert flipped(once) == row and once["id"] == 3
    assert once["chosen"] == "b" and once["chosen_score"] == 1 and once["rejected_score"] == 2 and once["margin"] == -1
