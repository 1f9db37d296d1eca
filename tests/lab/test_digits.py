"""The digits' world on a much smaller setting: everything happens, and the figures belong to the pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from penchant.errors import OutputError
from penchant.lab.worlds.digits import DigitJudge, DigitsPlan, align, base_model, frechet_distance, run_digits
from penchant.lab.worlds.digits.judging import load_digits
from penchant.lab.worlds.digits.world import compare

SMALL = DigitsPlan(
    width=8, base_epochs=1, drawn=6, pairs=6, align_epochs=1, judged=3, sampler_steps=3, rewards=("ink",), beta=500.0
)


def test_the_judge_reads_digits_that_it_has_not_seen() -> None:
    images, classes = load_digits()
    judge = DigitJudge(images[:900], classes[:900])
    unseen = images[900:].reshape(-1, 64) / 255
    assert judge.accuracy(unseen, classes[900:]) > 0.9
    assert judge.reward("ink", np.ones((2, 64)), [0, 1]).tolist() == [1.0, 1.0]
    features = judge.features(unseen)
    half = len(features) // 2
    near = frechet_distance(features[:half], features[half:])
    assert near < frechet_distance(features[:half], judge.features(unseen[half:] * 0.5))


def test_the_higher_reward_is_chosen_and_ties_are_left_out() -> None:
    rewards = np.tile([0.1, 0.2, 0.2], 10)
    rows = compare(rewards, [digit for digit in range(10) for _ in range(3)], 20, seed=0)
    assert rows and all(row["chosen_score"] > row["rejected_score"] for row in rows)
    assert {row["split"] for row in rows} == {"train", "test"}


def test_a_small_world_is_told_whole(tmp_path: Path) -> None:
    (found,) = run_digits(tmp_path, seed=0, plan=SMALL, say=lambda line: None)
    summary = json.loads((tmp_path / "ink" / "summary.json").read_text())
    assert summary["before"]["true_reward"] == found.before.value and summary["after"]["drift"] == found.drift[0]
    assert summary["intervals"]["true_reward"] == [found.after.low, found.after.high]
    page = found.report.read_text()
    assert page.count("data:image/png;base64,") == 20, "ten digits before and after, inside the page"
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 60
    with pytest.raises(OutputError, match="already contains"):
        run_digits(tmp_path, plan=SMALL)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the base of all alignments is kept, and nothing else."""
    return tmp_path_factory.mktemp("bases")


@pytest.mark.parametrize(("name", "feedback"), [("dpo", "pairs"), ("diffusion-kto", "judgements")])
def test_an_alignment_starts_from_a_base_that_is_trained_once(bases: Path, name: str, feedback: str) -> None:
    kept = base_model(SMALL, bases)
    written = (kept / "model_index.json").stat().st_mtime_ns
    found = align({"name": name}, seed=0, learning_rate=1e-3, feedback=feedback, plan=SMALL, folder=bases)
    assert set(found) == {"reference", "aligned"} and found["reference"] != found["aligned"]
    assert all(0 <= value <= 1 for value in found.values())
    assert list(bases.iterdir()) == [kept] and (kept / "model_index.json").stat().st_mtime_ns == written
