"""Figures of judgements, against scikit-learn and numbers by hand; and they reach the summary and the page of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penchant
from penchant.evaluation.heldout import HeldOut
from penchant.evaluation.judged import calibration_bins, judged_figures, judged_intervals
from small_runs import metrics, model_folder, pairs

REWARDS = st.lists(st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0]), min_size=1, max_size=30)


@given(REWARDS, REWARDS)
def test_separation_and_brier_score_are_those_of_scikit_learn(good: list[float], bad: list[float]) -> None:
    from sklearn.metrics import brier_score_loss, roc_auc_score

    truth, scores = [1] * len(good) + [0] * len(bad), [*good, *bad]
    found = judged_figures({"desirable": good, "undesirable": bad})
    assert found["separation"] == pytest.approx(roc_auc_score(truth, scores))
    chances = [1 / (1 + math.exp(-each)) for each in scores]
    assert found["calibration/brier"] == pytest.approx(brier_score_loss(truth, chances))
    intervals = judged_intervals({"desirable": good, "undesirable": bad})
    for name in ("separation", "calibration/brier", "labels/desirable"):
        value = found.get(name, len(good) / len(truth))
        assert name not in intervals or intervals[name].low - 1e-9 <= value <= intervals[name].high + 1e-9


@given(REWARDS, REWARDS, st.integers(1, 10))
def test_every_response_is_in_one_bin_and_equal_rewards_share_it(good: list[float], bad: list[float], n: int) -> None:
    bins = calibration_bins({"desirable": good, "undesirable": bad}, n)
    assert sum(each.responses for each in bins) == len(good) + len(bad) and len(bins) <= n
    assert sum(each.responses * each.observed for each in bins) == pytest.approx(len(good))
    expected = [each.expected for each in bins]
    assert expected == sorted(set(expected))


def test_calibrated_rewards_have_no_calibration_error() -> None:
    reward = math.log(3)  # σ = 3/4
    exact = judged_figures({"desirable": [reward] * 3, "undesirable": [reward]})
    assert exact["calibration/error"] == pytest.approx(0.0, abs=1e-4)
    sure = judged_figures({"desirable": [50.0] * 3, "undesirable": [50.0]})
    assert sure["calibration/error"] == pytest.approx(0.25)


def test_rounding_of_the_models_separates_nothing() -> None:
    assert judged_figures({"desirable": [1e-7, 3e-8], "undesirable": [0.0, -1e-7]})["separation"] == 0.5


def test_parts_of_processes_are_joined_though_one_saw_no_response_of_a_label() -> None:
    parts = [HeldOut({"loss": 1.0}, {"desirable": [1.0]}, [], [0.5]), HeldOut({"loss": 1.0}, {"undesirable": [0.0]})]
    whole = HeldOut.of(parts)
    assert whole.metrics["separation"] == 1.0 and whole.metrics["divergence"] == 0.5 and whole.metrics["loss"] == 1.0


def test_a_run_on_judgements_reports_each_class(tmp_path: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in pairs(12)
        for side in ("chosen", "rejected", "rejected")[: 2 + len(row["prompt"]) % 2]
    ]
    model = model_folder(tmp_path / "model")
    recipe = {"batch_size": 8, "max_steps": 6, "learning_rate": 1e-2, "warmup": 0.0, "samples": 0, "eval_every": 3}
    result = penchant.train(model, rows, "kto", tmp_path / "run", eval_data=rows, **recipe)
    before, after, intervals = (result.summary[name] for name in ("before", "after", "intervals"))
    assert before["separation"] == 0.5 and after["separation"] > 0.7
    assert before["calibration/brier"] == pytest.approx(0.25) and after["calibration/brier"] < 0.25
    assert after["labels/desirable"] == pytest.approx(sum(row["label"] for row in rows) / len(rows))
    wanted = {"separation", "rewards/desirable", "rewards/undesirable", "rewards/accuracy", "divergence"}
    assert wanted <= intervals.keys()
    for name in wanted:
        assert intervals[name][0] <= after[name] <= intervals[name][1]
    assert metrics(result.folder, "eval")[3]["separation"] > 0.5
    assert metrics(result.folder)[2]["reference_point_error"] >= 0
    page = result.report.read_text()
    for text in ("Separation (probability that a desirable", "Calibration of the rewards", "undesirable"):
        assert text in page


def test_the_calibration_of_bco_is_that_of_its_own_classifier(tmp_path: Path) -> None:
    """Its logit is the reward less the shift; separation and the sign of a reward know no shift."""
    good, bad, shift = [3.0, 2.0, 4.0], [1.0, 2.5], 2.25
    sides = {"desirable": good, "undesirable": bad}
    moved = {side: [each - shift for each in values] for side, values in sides.items()}
    found, plain = judged_figures(sides, shift=shift), judged_figures(moved)
    assert found == pytest.approx(plain)
    assert found["calibration/brier"] != pytest.approx(judged_figures(sides)["calibration/brier"])
    assert calibration_bins(sides, shift=shift)[0] == pytest.approx(calibration_bins(moved)[0])
    data = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in pairs(6)
        for side in ("chosen", "rejected")
    ]
    model = model_folder(tmp_path / "model")
    recipe = {"max_steps": 6, "batch_size": 4, "learning_rate": 1e-2, "samples": 0, "eval_data": data}
    run = penchant.train(model, data, {"name": "bco", "beta": 1.0}, tmp_path / "run", **recipe)
    after = run.summary["after"]
    rewards = json.loads((run.folder / "rewards.json").read_text())["after"]
    own = judged_figures({side: [each - after["shift"] for each in rewards[side]] for side in sides})
    assert abs(after["shift"]) > 1e-3, "without a shift the test says nothing"
    assert after["calibration/brier"] == pytest.approx(own["calibration/brier"], abs=1e-6)
    low, high = run.summary["intervals"]["calibration/brier"]
    assert low <= after["calibration/brier"] <= high
    assert "σ(reward − shift), %" in (run.folder / "report.html").read_text(encoding="utf-8")
