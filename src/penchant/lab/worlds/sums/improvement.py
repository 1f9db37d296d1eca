"""Improvement of a sums model by online training with a verifier, from a cached start model."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from penchant.lab.checkpoints import keep
from penchant.lab.worlds.sums.experiment import Plan, run_sums, train_start

__all__ = ["improve"]

_MADE_BY = (
    "penchant.lab.worlds.sums.experiment",
    "penchant.lab.worlds.sums.world",
    "penchant.lab.worlds.language.model",
)


def improve(method: str, seed: int, plan: Plan, *, folder: Path | None = None) -> list[float]:
    """Train a model online that was trained on partly wrong demonstrations.

    Args:
        method: one of `penchant.lab.worlds.sums.METHODS`.
        seed: seed of sums, start model and rounds.
        plan: sizes of start model and run.
        folder: folder of the cache; default as in `penchant.lab.checkpoints.keep`.

    Returns:
        The accuracy on held-out sums at the start and at each evaluation; the last is that at the end.
    """
    sizes = {name: each for name, each in asdict(plan).items() if name not in ("rounds", "rate", "settings")}
    start = keep("sums-start", {"seed": seed} | sizes, _MADE_BY, lambda place: _train(place, plan, seed), folder=folder)
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "sums"
        shutil.copytree(start, output)
        outcome = run_sums(output, method=method, seed=seed, plan=plan, say=lambda text: None)
    return [right for _, right, _, _ in outcome.curve]


def _train(place: Path, plan: Plan, seed: int) -> None:
    train_start(place, plan, seed=seed, overwrite=False)
