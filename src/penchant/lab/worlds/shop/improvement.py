"""A clerk's improvement under one kind of feedback, from a cached first clerk."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from penchant.lab.checkpoints import keep
from penchant.lab.worlds.shop.experiment import MADE_BY, Plan, ShopOutcome, run_shop, train_clerk

__all__ = ["improve_clerk"]


def improve_clerk(method: str, feedback: str, seed: int, plan: Plan, *, folder: Path | None = None) -> ShopOutcome:
    """Train a clerk online that was trained on partly dishonest demonstrations.

    Args:
        method: one of `penchant.lab.worlds.shop.METHODS`.
        feedback: one of `penchant.lab.worlds.shop.FEEDBACK`.
        seed: seed of requests, first clerk and rounds.
        plan: sizes.
        folder: folder of the cache; default as in `penchant.lab.checkpoints.keep`.
    """

    def first(place: Path) -> None:
        train_clerk(place, plan, seed=seed, overwrite=False)

    start = keep("shop-clerk", plan.kept(seed), MADE_BY, first, folder=folder)
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "shop"
        shutil.copytree(start, output)
        return run_shop(output, method=method, feedback=feedback, seed=seed, plan=plan, say=lambda text: None)
