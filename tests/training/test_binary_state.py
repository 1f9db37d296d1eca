"""What binary objectives keep or read beside texts: BCO's running shift over a resumed run, NFT's old policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from penchant.likelihood import load_model
from penchant.rendering import Renderer, load_tokenizer
from penchant.training.checkpoints import OBJECTIVE_FILE
from real_feedback import read_pairs
from small_runs import largest_gap, losses, metrics, pairs, stopped_after, weights

RECIPE: dict[str, Any] = {
    "batch_size": 4,
    "max_steps": 8,
    "learning_rate": 1e-3,
    "save_every": 2,
    "keep_checkpoints": 4,
    "samples": 0,
}


@pytest.mark.parametrize("shift", ["running-mean", "balanced"])
def test_a_killed_run_of_bco_goes_on_with_its_shift(
    shift: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {**RECIPE, "objective": {"name": "bco", "shift": shift}}
    whole = penchant.train(folder, pairs(), output=tmp_path / "whole", **recipe).folder
    run = tmp_path / "run"
    stopped_after(7, lambda: penchant.train(folder, pairs(), output=run, **recipe), monkeypatch)
    saved = torch.load(run / "checkpoints" / "checkpoint-6" / OBJECTIVE_FILE, weights_only=True)
    assert saved["counts"].sum() == 6 * 4
    penchant.train(folder, pairs(), output=run, resume=True, **recipe)
    assert losses(run) == losses(whole) and largest_gap(weights(run), weights(whole)) == 0.0
    shifts = [row["shift"] for _, row in sorted(metrics(run).items())]
    assert shifts == [row["shift"] for _, row in sorted(metrics(whole).items())]
    assert len(set(shifts)) > 2, "the shift follows the rewards, or equality would say nothing"


def test_the_saved_shift_is_that_of_the_last_step(folder: Path, tmp_path: Path) -> None:
    objective = {"name": "bco", "shift": "running-mean"}
    run = penchant.train(folder, pairs(), output=tmp_path / "run", **{**RECIPE, "objective": objective}).folder
    last = torch.load(run / "checkpoints" / "checkpoint-8" / OBJECTIVE_FILE, weights_only=True)
    mean = float(last["totals"].sum() / last["counts"].sum())
    assert mean == pytest.approx(metrics(run)[8]["shift"], abs=1e-6) and mean != 0.0


def test_nft_learns_from_right_and_wrong_answers_on_real_texts(shared: Path, tmp_path: Path) -> None:
    """With the policy's own log-probabilities as those of the old policy, every ratio of the first step is 1."""
    folder = shared / "models" / "tinystories-260k"
    model, renderer = load_model(folder), Renderer(load_tokenizer(folder), chat_template="plain")
    rows = []
    for pair in read_pairs(shared, 4):
        for side in ("chosen", "rejected"):
            prompt = renderer.prompt_ids(pair["prompt"])
            response = renderer.response_ids(pair["prompt"], pair[side])
            logps = model(torch.tensor([[*prompt, *response]])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            own = logps.gather(-1, torch.tensor(response)[:, None]).flatten().tolist()
            row = {"prompt": pair["prompt"], "completion": pair[side], "label": side == "chosen"}
            rows.append({**row, "correct_rate": 0.5, "old_policy": [own]})
    steps = {"batch_size": len(rows), "max_steps": 4, "learning_rate": 1e-4, "warmup": 0.0, "schedule": "constant"}
    objective = {"name": "nft", "mean": True, "clamp_negative": 0.1}
    recipe = {"chat_template": "plain", "samples": 0, "device": "cpu", **steps}
    result = penchant.train(folder, rows, objective, tmp_path / "run", eval_data=rows, **recipe)
    told = losses(result.folder)
    assert told[0] == pytest.approx(0.0, abs=1e-4) and told[-1] < told[0] - 1e-3
    after, before = result.summary["after"], result.summary["before"]
    gained = {side: after[f"logps/{side}"] - before[f"logps/{side}"] for side in ("desirable", "undesirable")}
    assert gained["desirable"] > gained["undesirable"]
