"""Online runs of a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.online import make_online_recipe, run_online
from penchant.training.run import Result
from small_judges import JUDGES
from small_runs import model_folder, pairs, write_pairs

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_drawing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing a report takes longer than a tiny run; a test that wants one asks for ``drawing``."""
    if "drawing" not in request.fixturenames:
        monkeypatch.setattr("penchant.online.outcome.write_report", lambda folder: folder / "report.html")


@pytest.fixture
def drawing() -> None:
    """Asked for where the report itself is looked at."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama with its tokenizer."""
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def online(folder: Path, tmp_path: Path) -> Run:
    """Three rounds on eight prompts; keys of the recipe may be changed."""
    rows = [{"prompt": row["prompt"], "answer": "red"} for row in pairs(12)]
    data = write_pairs(tmp_path / "prompts.jsonl", rows)

    def run(name: str = "run", *, resume: bool = False, overwrite: bool = False, **changed: Any) -> Result:
        keys: dict[str, Any] = {
            "model": str(folder),
            "data": str(data),
            "output": str(tmp_path / name),
            "judge": {"name": "function", "path": f"{JUDGES}:reds"},
            "iterations": 3,
            "prompts_per_iteration": 8,
            "samples_per_prompt": 4,
            "max_new_tokens": 6,
            "batch_size": 4,
            "learning_rate": 3e-3,
            "eval_limit": 4,
            "save_rounds": 1,
            "samples": 0,
        }
        return run_online(make_online_recipe({**keys, **changed}), resume=resume, overwrite=overwrite)

    return run
