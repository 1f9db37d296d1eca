"""DeepSpeed's ZeRO-2 and ZeRO-3 on CPUs, where DeepSpeed is installed: two processes are one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import penchant
from launching import train_in_processes
from small_runs import largest_gap, losses, weights, write_pairs

pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
pytestmark = pytest.mark.long


@pytest.mark.parametrize("stage", ["zero2", "zero3"])
@pytest.mark.parametrize("adapter", [False, True], ids=["whole", "lora"])
def test_two_processes_are_one(stage: str, adapter: bool, folder: Path, tmp_path: Path) -> None:
    recipe: dict[str, Any] = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl"))}
    recipe |= {"batch_size": 4, "max_steps": 3, "learning_rate": 1e-2, "warmup": 0.0, "accumulate": 2, "eval_every": 2}
    recipe |= {"samples": 1, "sample_tokens": 4, "lora": {"rank": 4} if adapter else None}
    train_in_processes(2, [{**recipe, "strategy": stage, "output": str(tmp_path / "two")}], tmp_path)
    alone = penchant.train(**recipe, output=tmp_path / "one").folder
    told = json.loads((tmp_path / "two" / "summary.json").read_text())
    assert (told["processes"], told["strategy"]) == (2, stage)
    assert losses(tmp_path / "two") == pytest.approx(losses(alone), abs=1e-5)
    assert largest_gap(weights(tmp_path / "two"), weights(alone)) < 1e-5
