"""Strategies on GPUs: two processes give the losses and weights of one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from launching import train_in_processes
from small_runs import largest_gap, losses, weights, write_pairs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs"),
]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp", "zero2", "zero3"])
@pytest.mark.parametrize("adapter", [False, True], ids=["whole", "lora"])
def test_two_gpus_are_one(strategy: str, adapter: bool, folder: Path, tmp_path: Path) -> None:
    if strategy.startswith("zero") and find_spec("deepspeed") is None:
        pytest.skip("DeepSpeed is not installed")
    recipe: dict[str, Any] = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl"))}
    recipe |= {"batch_size": 4, "max_steps": 4, "learning_rate": 1e-3, "warmup": 0.0, "samples": 1, "sample_tokens": 4}
    recipe |= {"eval_every": 2, "lora": {"rank": 4} if adapter else None}
    train_in_processes(2, [{**recipe, "strategy": strategy, "output": tmp_path / "two"}], tmp_path)
    alone = penchant.train(**recipe, output=tmp_path / "one").folder
    assert json.loads((tmp_path / "two" / "summary.json").read_text())["strategy"] == strategy
    assert losses(tmp_path / "two") == pytest.approx(losses(alone), abs=1e-3)
    assert largest_gap(weights(tmp_path / "two"), weights(alone)) < 1e-3
