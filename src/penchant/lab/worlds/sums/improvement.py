"""How much a pupil of sums improves by checking its own answers, from a start that is trained once and kept."""

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
    """Let a pupil that learned from careless demonstrations go on with an online method.

    Args:
        method: one of `penchant.lab.worlds.sums.METHODS`.
        seed: of sums, start and rounds.
        plan: the sizes of start and run.
        folder: where starts are kept; by default as `penchant.lab.checkpoints.keep` says.

    Returns:
        The share of held-out sums that are answered rightly, at the start and each time it was measured, the end last.
    """
    settings = {"seed": seed} | {name: each for name, each in asdict(plan).items() if name not in ("rounds", "rate")}
    start = keep("sums-start", settings, _MADE_BY, lambda place: _train(place, plan, seed), folder=folder)
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "sums"
        shutil.copytree(start, output)
        outcome = run_sums(output, method=method, seed=seed, plan=plan, say=lambda text: None)
    return [right for _, right, _, _ in outcome.curve]


def _train(place: Path, plan: Plan, seed: int) -> None:
    train_start(place, plan, seed=seed, overwrite=False)
