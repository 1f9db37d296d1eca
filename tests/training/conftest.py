"""Runs of a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penchant
from penchant.training import Result
from small_runs import model_folder, pairs

Train = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_drawing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing a report takes longer than a tiny run; a test that wants one asks for ``drawing``."""
    if "drawing" in request.fixturenames:
        return

    def write(run: Path) -> Path:
        (run / "report.html").write_text("<!doctype html>", encoding="utf-8")
        return run / "report.html"

    monkeypatch.setattr("penchant.evaluation.report.write_report", write)


@pytest.fixture
def drawing() -> None:
    """Asked for where the report itself is looked at."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama with its tokenizer."""
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def train(folder: Path, tmp_path: Path) -> Train:
    """Three steps of DPO on twelve pairs; keys of the recipe may be changed."""

    def run(name: str = "run", **changed: Any) -> Result:
        recipe: dict[str, Any] = {
            "model": folder,
            "data": pairs(),
            "objective": "dpo",
            "batch_size": 4,
            "max_steps": 3,
            "learning_rate": 1e-3,
            "warmup": 0.0,
            "samples": 0,
            "optimizer": "sgd",
        }
        return penchant.train(**{**recipe, "output": tmp_path / name, **changed})

    return run
