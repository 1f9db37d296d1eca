"""Two processes choose and train the same weights as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import penchant
from launching import train_in_processes
from small_runs import largest_gap, losses, pairs, weights, write_pairs
from training.parameters.conftest import RUNS as KINDS

pytestmark = pytest.mark.long

EXACT = 1e-5
RECIPE: dict[str, Any] = {"batch_size": 4, "max_steps": 4, "accumulate": 2, "learning_rate": 1e-2, "warmup": 0.0}
RECIPE |= {"max_grad_norm": 0.5, "samples": 0, "optimizer": "sgd"}
#: Strategies, and what else they change in the recipe.
RUNS: dict[str, dict[str, Any]] = {
    "freeze": {"parameters": {"name": "freeze", "frozen": ["*.mlp.*"]}},
    "half-fine-tuning": {"parameters": {"name": "half-fine-tuning"}},
    "half-fine-tuning, epochs": {"parameters": {"name": "half-fine-tuning", "rounds": "epoch"}},
    "half of an adapter": {"parameters": {"name": "half-fine-tuning", "rounds": "epoch"}, "lora": {"rank": 2}},
    "lt-sft": {"parameters": {"name": "lt-sft", "ratio": 0.05, "l1": 0.1}},
    "spt": {"parameters": {"name": "spt", "ratio": 0.05, "rank": 1, "batches": 2}},
    "dsee": {"parameters": {"name": "dsee", "rank": 2, "entries": 8, "sparsity": 0.25}},
    "dsee, heads": {"parameters": {"name": "dsee", "structure": "heads", "sparsity": 0.25, "l1": 0.1}},
    "dsee with kto": {"objective": "kto", "parameters": {"name": "dsee", "rank": 2}},
    "wagle": {**KINDS["npo-retain"], "parameters": {"name": "wagle", "ratio": 0.5}},
    "mrp": {**KINDS["npo-retain"], "parameters": {"name": "mrp", "rank": 2, "layers": [0, 1]}},
    "mrp of judgements": {**KINDS["kto"], "parameters": {"name": "mrp", "rank": 1, "layers": [1], "start": "official"}},
}


@pytest.fixture(scope="module")
def recipes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    place = tmp_path_factory.mktemp("two")
    data = str(write_pairs(place / "pairs.jsonl", pairs(8)))
    given = {**RECIPE, "model": str(folder), "data": data}
    return {name: {**given, **changed, "output": str(place / "together" / name)} for name, changed in RUNS.items()}


@pytest.fixture(scope="module")
def launched(recipes: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> None:
    train_in_processes(2, [*recipes.values()], tmp_path_factory.mktemp("launch"))


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_are_one(name: str, launched: None, recipes: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    together = Path(recipes[name]["output"])
    alone = penchant.train(**{**recipes[name], "output": tmp_path / "alone"})
    assert losses(together) == pytest.approx(losses(alone.folder), abs=EXACT)
    assert largest_gap(weights(together), weights(alone.folder)) < EXACT
