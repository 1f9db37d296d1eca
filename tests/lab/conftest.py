"""Base models that tests of the lab share, whichever worker trains them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from filelock import FileLock


class TrainedWorld(Protocol):
    """A world whose policies start from a base model."""

    @property
    def name(self) -> str:
        """What it is called."""

    def base_model(self) -> Path:
        """The folder of its base model, trained where it is absent."""


@pytest.fixture(scope="session")
def kept_models(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of base models of this run of the tests; all workers of xdist have the same."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "base-models"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def with_base(kept_models: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[TrainedWorld], None]:
    """Let a world find its base model; the first worker that asks trains it, and the others wait."""
    monkeypatch.setenv("PENCHANT_CACHE", str(kept_models))

    def find(world: TrainedWorld) -> None:
        with FileLock(kept_models / f"{world.id}.lock"):
            world.base_model()

    return find
