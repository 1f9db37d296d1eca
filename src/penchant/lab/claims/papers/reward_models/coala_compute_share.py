"""COALA's head against DPO: accuracy, and the passes through the model that each takes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.sums import SumsWorld

__all__ = ["ComputeShare"]

_TRAIN, _TEST, _EPOCHS = 300, 200, 2


class ComputeShare(Claim):
    """A convex head on frozen features, and DPO of all weights, on the same pairs."""

    id = "coala-compute-share"
    paper = "arXiv:2605.23244"
    sentence = (
        "On pairs of a right and a wrong sum, a convex head on the model's frozen features ranks held-out pairs as "
        "often rightly as DPO of the whole model, at an eighth of its passes through the model."
    )
    measures = ("coala",)
    baselines = ("dpo",)
    world = f"sums to 19; {_TRAIN} pairs to train on, {_TEST} held out; DPO for {_EPOCHS} epochs"
    quantity = (
        "share of held-out pairs that are ranked rightly, or forward passes of a response (a backward one is two)"
    )
    contrasts = (
        Contrast("coala, accuracy", "dpo, accuracy", not_worse_by=0.02),
        Contrast("dpo, passes", "coala, passes", smallest=5 * _TRAIN),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """Both from the same base model; a prompt of the held-out pairs may occur among the others."""
        from penchant.feedback.reading import read
        from penchant.rewards.convex.training import train_head
        from penchant.training.api import train

        world = SumsWorld()
        rows = world.pairs(_TRAIN + _TEST, seed)
        pairs = [{name: each[name] for name in ("prompt", "chosen", "rejected")} for each in rows]
        shown, held = pairs[:_TRAIN], pairs[_TRAIN:]
        model = str(world.base_model())
        found = train_head(model, list(read(shown)), list(read(held)), pooling="last")
        assert found.held_out_accuracy is not None
        keys: dict[str, Any] = {"epochs": _EPOCHS, "batch_size": 16, "learning_rate": 5e-4, "seed": seed}
        keys |= {"samples": 0, "checkpoints": "none"}
        with tempfile.TemporaryDirectory() as place:
            tuned = train(model, shown, "dpo", Path(place) / "run", eval_data=held, **keys)
        # Both responses of a pair: once for the features; forward, backward and the reference in each epoch.
        return {
            "coala, accuracy": found.held_out_accuracy,
            "dpo, accuracy": tuned.summary["after"]["rewards/accuracy"],
            "linear head, accuracy": found.linear_accuracy or 0.0,
            "coala, passes": 2.0 * _TRAIN,
            "dpo, passes": 2.0 * _TRAIN * 4 * _EPOCHS,
        }
