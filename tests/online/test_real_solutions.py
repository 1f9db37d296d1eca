"""Six systems' solutions of word problems as rollouts: nothing is generated, and a verifier judges."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from penchant.online import build_pairing, make_online_recipe, run_online
from penchant.online.rollouts import Rollout
from penchant.rewards.response_logps import ResponseLikelihood
from penchant.training.run import Result
from small_runs import write_pairs

Row = dict[str, Any]
TEACHER = "gpt-4-1106-preview"


def questions(shared: Path, split: str, limit: int) -> list[Row]:
    """Questions with right and wrong solutions, none with more characters than the limit."""
    with gzip.open(shared / "data" / "gsm8k_solutions.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == split]
    short = [row for row in rows if max(len(row["prompt"]), *(len(each["text"]) for each in row["responses"])) <= limit]
    return [row for row in short if len({each["correct"] for each in row["responses"]}) == 2]


@pytest.fixture(scope="module")
def held_out(shared: Path) -> list[Row]:
    return questions(shared, "test", 260)


@pytest.fixture
def solved(shared: Path, tmp_path: Path) -> Any:
    """Two rounds on sixteen questions each, with keys of the recipe changed."""
    data = write_pairs(tmp_path / "solved.jsonl", [*questions(shared, "train", 220), *questions(shared, "test", 220)])
    small: dict[str, Any] = {"samples_per_prompt": 6, "max_new_tokens": 220, "prompts_per_iteration": 16}

    def run(**changed: Any) -> Result:
        keys: dict[str, Any] = {
            "model": str(shared / "models" / "tinystories-260k"),
            "data": str(data),
            "output": str(tmp_path / str(changed["method"])),
            "split": "train",
            "eval_split": "test",
            "eval_limit": 1,
            "iterations": 2,
            "batch_size": 16,
            "samples": 0,
        }
        return run_online(make_online_recipe({**keys, **small, **changed}))

    return run


def rollouts_of(done: Result) -> list[Rollout]:
    kept = [json.loads(path.read_text()) for path in sorted((done.folder / "rounds").glob("*/rollouts.json"))]
    return [Rollout.from_json(each) for own in kept for each in own]


def ranked(rows: list[Row], model: Path, start: Path) -> tuple[float, float]:
    """By the log-ratio of two models: the share of (right, wrong) pairs in order, and of right first ones."""
    asked = [row["prompt"] for row in rows], [[each["text"] for each in row["responses"]] for row in rows]
    now, before = (ResponseLikelihood(each).of(*asked) for each in (model, start))
    ordered, first = [], []
    for row, new, old in zip(rows, now, before, strict=True):
        scores = [float(one[0].sum() - other[0].sum()) for one, other in zip(new, old, strict=True) if one and other]
        right = [each["correct"] for each in row["responses"]]
        assert len(scores) == len(right)
        pairs = [(i, j) for i in range(len(right)) for j in range(len(right)) if right[i] and not right[j]]
        ordered += [scores[i] > scores[j] for i, j in pairs]
        first.append(right[scores.index(max(scores))])
    return sum(ordered) / len(ordered), sum(first) / len(first)


@pytest.mark.long
def test_a_verifier_agrees_with_the_labels_and_nft_ranks_held_out_solutions(
    shared: Path, solved: Any, held_out: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    done = solved(method="nft", sampler="file", learning_rate=1e-3, objective={"token_normalizer": 100.0})
    labels = {row["prompt"]: [each["correct"] for each in row["responses"]] for row in questions(shared, "train", 220)}
    found = rollouts_of(done)
    same = [
        bool(score) == right for each in found for score, right in zip(each.scores, labels[each.prompt], strict=True)
    ]
    ordered, first = ranked(held_out, done.folder / "model", shared / "models" / "tinystories-260k")
    chance = sum(sum(each["correct"] for each in row["responses"]) / 6 for row in held_out) / len(held_out)
    with capsys.disabled():
        print(
            f"\nsolutions: verifier and labels agree on {sum(same)} of {len(same)}; NFT on {len(found)} questions "
            f"ranks right above wrong in {ordered:.3f} of held-out pairs, and its first is right in {first:.3f} of "
            f"{len(held_out)} questions (by chance {chance:.3f})"
        )
    assert sum(same) / len(same) > 0.97 and {len(each.responses) for each in found} == {6}
    assert ordered > 0.6 and first > chance
    advantages = [fields["advantage"] for _, _, fields in build_pairing("group").choose(found)]
    for rollout, own in zip(found, advantages, strict=True):
        assert sum(own) == pytest.approx(0.0, abs=1e-6)
        if not rollout.uniform:
            assert all((value > 0) == (score == 1) for value, score in zip(own, rollout.scores, strict=True))


@pytest.mark.long
def test_a_teacher_meets_its_students_and_wins_where_it_alone_is_right(
    shared: Path, solved: Any, held_out: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    keys: dict[str, Any] = {"sampler": {"name": "file", "teacher": TEACHER}, "opponent": "none", "reference": "initial"}
    steps = {"learning_rate": 3e-4, "epochs": 1, "optimizer_state": "keep", "schedule": "constant", "warmup": 0.0}
    done = solved(method="dno-prct", pairing={"name": "student_teacher", "margin": 1.0}, **keys, **steps)
    found = rollouts_of(done)
    assert all(each.writers.count("teacher") == 1 for each in found)
    won: list[bool] = []
    for rollout, views, fields in build_pairing("student_teacher", margin=1.0).choose(found):
        assert fields["chosen_score"] == 1.0 and fields["rejected_score"] == 0.0
        teacher = rollout.sequence(rollout.writers.index("teacher"))
        if teacher in (views["chosen"][0], views["rejected"][0]):
            won.append(views["chosen"][0] == teacher)
    ordered, first = ranked(held_out, done.folder / "model", shared / "models" / "tinystories-260k")
    with capsys.disabled():
        print(
            f"\nsolutions: the teacher wins {sum(won)} of {len(won)} pairs with a student; DNO-Prct ranks right above "
            f"wrong in {ordered:.3f} of held-out pairs, and its first is right in {first:.3f}"
        )
    assert sum(won) > 0.8 * len(won) > 0 and ordered > 0.5
