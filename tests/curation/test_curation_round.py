"""A round of curation: more neighbours where the reward model fails, and labels by the votes of several judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.curation.curation_round import CurationRound, neighbours_wanted
from penchant.feedback import read

JUDGES = """
def red(prompt, response):
    return float("red" in response)


def long(prompt, response):
    return float(len(response))


def short(prompt, response):
    return -float(len(response))


def after_a_shot(prompt, response):
    return float("red" in response) if "Example 1" in prompt and "castle gold" in prompt else 0.0
"""


def pair(topic: str, number: int, chosen: str, rejected: str) -> dict[str, str]:
    return {"prompt": f"{topic} {number}", "chosen": f"{topic} {chosen}", "rejected": f"{topic} {rejected}"}


POOL = [pair("castle", n, "blue", "red") for n in range(6)] + [pair("meadow", n, "red", "blue") for n in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "judges.py").write_text(JUDGES)
    gold = [{"prompt": "castle gold", "chosen": "castle red", "rejected": "castle blue"}]
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(each) + "\n" for each in gold))
    return tmp_path


def a_round(folder: Path, reward: str, judges: list[str], **more: object) -> CurationRound:
    named = [f"function,path={folder / 'judges.py'}:{name}" for name in (reward, *judges)]
    return CurationRound(gold=folder / "gold.jsonl", reward=named[0], judge=named[1:], embedder="tf-idf", **more)


def test_a_wrong_reward_model_retrieves_k_max_neighbours_and_a_right_one_fewer(folder: Path) -> None:
    # "blue" is longer than "red", so `long` has the verified comparison wrong: σ(−1) < ½; `red` gives it σ(1) = 0.73.
    wrong, right = (a_round(folder, name, ["red"], k_max=6).build(read(POOL)) for name in ("long", "red"))
    assert wrong.counts["retrieved"] == 6 and right.counts["retrieved"] == neighbours_wanted(0.731, 6) == 2
    assert all(row["prompt"].startswith("castle") for row in (*wrong.rows, *right.rows))
    assert wrong.counts["flipped: the judges reject the label"] == 6
    assert all(row["chosen"] == "castle red" for row in wrong.rows)


def test_the_majority_of_judges_labels_and_ties_are_dropped(folder: Path) -> None:
    most = a_round(folder, "long", ["red", "long", "long"], k_max=3, repeats=3).build(read(POOL))
    assert [row["chosen"] for row in most.rows] == ["castle blue"] * 3 and most.rows[0]["votes"] == 1
    tied = a_round(folder, "long", ["long", "short"], k_max=3).build(read(POOL))
    assert not tied.rows and tied.counts["dropped: the judges' votes are tied"] == 3


def test_judges_see_the_nearest_verified_comparisons_where_asked(folder: Path) -> None:
    seen, unseen = (
        a_round(folder, "long", ["after_a_shot"], k_max=2, shots=shots).build(read(POOL)) for shots in (1, 0)
    )
    assert len(seen.rows) == 2 and not unseen.rows
    assert seen.rows[0]["prompt"] in {each["prompt"] for each in POOL}


def test_the_number_of_neighbours_falls_only_with_confidence_in_the_right_label() -> None:
    found = [neighbours_wanted(p / 1000) for p in range(1001)]
    assert found == sorted(found, reverse=True) and found[500] == 8 and found[510] == 4 and found[999] == 1
    assert neighbours_wanted(float("nan")) == 8
