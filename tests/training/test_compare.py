"""Objectives compared over seeds: one reference for all, failures that cost nothing else, and going on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import penchant
from penchant.errors import ConfigurationError, OutputError
from penchant.objectives import Scored
from penchant.objectives.core.objective import Objective
from penchant.training.compare import Compared
from penchant.training.recorder import Recorder
from penchant.training.run import Interrupted
from small_runs import largest_gap, losses, pairs, weights

Compare = Callable[..., Compared]
THREE = ["dpo", "ipo", "logic"]


class Breaking(Objective):
    """A loss that is no number."""

    id = "breaking-test"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        return (chosen.logp - rejected.logp) * torch.tensor(float("nan"))


@pytest.fixture
def compare(folder: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Two steps of each objective with two seeds, a quarter of the prompts held out."""
    if "drawing" not in request.fixturenames:
        monkeypatch.setattr("penchant.evaluation.report.write_objectives", lambda place, _: (place / "page", None))

    def run(objectives: list[str], name: str = "comparison", **changed: Any) -> Compared:
        recipe: dict[str, Any] = {
            "seeds": 2,
            "batch_size": 4,
            "max_steps": 2,
            "learning_rate": 1e-3,
            "samples": 1,
            "sample_tokens": 3,
            "save_every": 1,
            "eval_share": 0.25,
            "optimizer": "sgd",
        }
        return penchant.compare(folder, pairs(), objectives, tmp_path / name, **{**recipe, **changed})

    return run


def states(found: Compared) -> dict[str, list[str]]:
    return {each["name"]: [run["state"] for run in each["runs"]] for each in found.results["objectives"]}


def figures(found: Compared) -> dict[str, dict[str, Any]]:
    return {each["name"]: each["figures"] for each in found.results["objectives"]}


def test_three_objectives_two_seeds_one_reference(compare: Compare, drawing: None) -> None:
    found = compare(THREE, settings={"ipo.beta": 0.3})
    assert states(found) == {name: ["done", "done"] for name in THREE} and not found.all_failed
    results = json.loads((found.folder / "comparison.json").read_text())
    assert results == found.results
    assert [each["settings"].get("beta") for each in results["objectives"]] == [0.1, 0.3, 1.0]
    # The first run computes the reference of all texts; no other run computes any, whatever its objective and seed.
    counts = [
        (run["reference_found"], run["reference_computed"]) for each in results["objectives"] for run in each["runs"]
    ]
    every = counts[0][1]
    assert counts[0] == (0, every) and every > 12
    assert counts[1:4] == [(every, 0)] * 3
    # A loss without reference asks for none in training; the divergence of the held-out responses is told all the same.
    held_out = counts[4][0]
    assert counts[4:] == [(held_out, 0)] * 2 and 0 < held_out < every
    for each in results["objectives"]:
        for key in ("rewards/accuracy", "logps/accuracy", "logps/margin", "kl", "samples/length", "seconds"):
            figure = each["figures"][key]
            assert figure["low"] <= figure["mean"] <= figure["high"] and len(figure["values"]) == 2
    # All start from one model, so a reference-free objective has a divergence from it too.
    assert figures(found)["logic"]["kl"]["mean"] > 0 and results["before"]["kl"] == pytest.approx(0, abs=1e-6)
    page = found.page.read_text(encoding="utf-8")
    assert all(name in page for name in THREE) and "ipo/seed-0/report.html" in page and "var(--run2)" in page
    assert found.picture is not None and found.picture.read_bytes().startswith(b"\x89PNG")


def test_all_seeds_are_measured_on_the_same_examples_and_trained_in_another_order(compare: Compare) -> None:
    found = compare(["dpo"], max_steps=1, samples=0)
    first, second = (found.folder / "dpo" / f"seed-{seed}" for seed in (0, 1))
    prints = [json.loads((run / "summary.json").read_text())["fingerprints"] for run in (first, second)]
    assert prints[0] == prints[1]
    assert largest_gap(weights(first), weights(second)) > 0


def stop_at(count: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A person presses Ctrl-C when the ``count``-th training step of all is written; gives back the undoing."""
    write, seen = Recorder.write, [0]

    def write_and_stop(self: Recorder, at: int, split: str, numbers: dict[str, float]) -> None:
        write(self, at, split, numbers)
        seen[0] += split == "train"
        if seen[0] == count:
            raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "write", write_and_stop)
    return lambda: monkeypatch.setattr(Recorder, "write", write)


def test_interrupted_and_resumed_equals_uninterrupted(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compare(["dpo", "ipo"], "whole", max_steps=3)
    undo = stop_at(5, monkeypatch)  # in the second step of the second run
    with pytest.raises(Interrupted, match=r"Stopped in ipo, seed 0; 1 of 4 runs are finished and kept.*--resume"):
        compare(["dpo", "ipo"], "parted", max_steps=3)
    undo()
    parted = whole.folder.parent / "parted"
    told = json.loads((parted / "comparison.json").read_text())
    assert [[run["state"] for run in each["runs"]] for each in told["objectives"]] == [
        ["done", "waiting"],
        ["stopped", "waiting"],
    ]
    finished = (parted / "dpo" / "seed-0" / "summary.json").stat().st_mtime_ns
    steps: list[int] = []
    write = Recorder.write
    monkeypatch.setattr(
        Recorder, "write", lambda self, at, split, told: (steps.append(at), write(self, at, split, told))
    )
    found = compare(["dpo", "ipo"], "parted", max_steps=3, resume=True)
    assert steps[0] > 1, "the half-finished run starts at its checkpoint"
    assert (parted / "dpo" / "seed-0" / "summary.json").stat().st_mtime_ns == finished
    assert states(found) == {"dpo": ["done", "done"], "ipo": ["done", "done"]}
    for name in ("dpo", "ipo"):
        for seed in (0, 1):
            runs = [place / name / f"seed-{seed}" for place in (whole.folder, parted)]
            assert losses(runs[0]) == pytest.approx(losses(runs[1]), abs=1e-6)
            assert largest_gap(weights(runs[0]), weights(runs[1])) < 1e-6
        for key in ("rewards/margin", "kl", "logps/margin"):
            assert figures(found)[name][key]["values"] == pytest.approx(figures(whole)[name][key]["values"], abs=1e-5)


def test_what_fails_is_told_and_stops_nothing_else(compare: Compare) -> None:
    found = compare(["breaking-test", "sppo", "dpo"], samples=0)
    assert states(found) == {
        "breaking-test": ["failed", "failed"],
        "sppo": ["failed", "failed"],
        "dpo": ["done", "done"],
    }
    reasons = {each["name"]: each["runs"][1].get("reason", "") for each in found.results["objectives"]}
    assert "chosen_win_rate" in reasons["sppo"] and reasons["breaking-test"]
    assert not found.all_failed and figures(found)["sppo"] == {}
    again = compare(["sppo", "dpo"], resume=True, samples=0)
    assert states(again) == {"sppo": ["failed", "failed"], "dpo": ["done", "done"]}


def test_where_all_fail_there_is_still_a_page(compare: Compare, drawing: None) -> None:
    found = compare(["sppo"], seeds=1, samples=0)
    assert found.all_failed and found.picture is None
    assert "sppo (seed 0) failed" in found.page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("objectives", "changed", "told"),
    [
        (["dpo", "ipoo"], {}, "Did you mean 'ipo'"),
        (["dpo", "ipo"], {"settings": {"ipoo.beta": 0.1}}, r"'ipoo.beta' is not a setting.*Did you mean 'ipo'"),
        (["dpo", "ipo"], {"settings": {"ipo.betta": 0.1}}, "Did you mean 'beta'"),
        (["dpo", "ipo"], {"settings": {"ipo.beta": -1.0}}, "expected float > 0"),
        (["dpo"], {"seeds": 0}, "0 seeds"),
        ([], {}, "0 objectives"),
        (["dpo"], {"learning_rte": 1.0}, "Did you mean 'learning_rate'"),
    ],
)
def test_a_wrong_comparison_is_refused_before_any_work(
    objectives: list[str], changed: dict[str, Any], told: str, compare: Compare, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        compare(objectives, **changed)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_things_is_left_alone(compare: Compare, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_my_mother.txt").write_text("Dear mother")
    for resume in (False, True):
        with pytest.raises(OutputError, match="files that are not a comparison"):
            compare(["dpo"], "letters", resume=resume)
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["to_my_mother.txt"]


def test_a_comparison_is_replaced_or_gone_on_with_only_where_told_to(compare: Compare) -> None:
    compare(["dpo"], seeds=1, max_steps=1, samples=0)
    with pytest.raises(OutputError, match="already holds a comparison"):
        compare(["dpo"], seeds=1, max_steps=1, samples=0)
    with pytest.raises(ConfigurationError, match=r"learning_rate = 0.001, but this recipe has 0.1"):
        compare(["dpo"], seeds=1, max_steps=1, samples=0, learning_rate=0.1, resume=True)
    other = compare(["dpo"], seeds=1, max_steps=1, samples=0, learning_rate=0.1, overwrite=True)
    assert states(other) == {"dpo": ["done"]}
