"""MRP: relearning after projection."""

from __future__ import annotations

from collections.abc import Mapping

from torch.optim import SGD, AdamW

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.facts import FactsWorld
from penchant.lab.worlds.facts.forgetting import Forgetting

__all__ = ["RelearnedSooner"]

STEPS = 20
OBJECTIVE = "gradient-ascent + 1.2 * retain-nll"


class RelearnedSooner(Claim):
    """The same objective in the directions of MRP and in all weights, then training on what was forgotten."""

    id = "mrp-relearning"
    paper = "arXiv:2508.15449"
    sentence = (
        "A model that knows facts about 24 people forgets six of them by gradient ascent with a retain term, until "
        "their answers have lost 1.5 nats per token in another wording. After 20 steps of training on the forgotten "
        "facts, the answers are less likely if hidden states were projected than if all weights had moved."
    )
    measures = ("mrp",)
    methods = ("gradient-ascent",)
    world = (
        "FactsWorld: six of 24 people are drawn to be forgotten; MRP projects 8 of 64 dimensions after both layers, "
        "SGD, learning rate 1; all weights: AdamW, 1e-3; relearning: all facts, all weights, AdamW, 5e-4"
    )
    quantity = "NLL per token of the forgotten answers, or minus that of the kept ones before relearning, nats"
    contrasts = (
        Contrast(f"projection, after {STEPS} steps", f"suppression, after {STEPS} steps", smallest=0.15),
        Contrast("projection, kept", "suppression, kept", not_worse_by=0.15),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "The projection limits how far relearning gets, not how fast it begins: after 5 steps both arms are alike. "
        "With the paper's two directions per layer, a model of width 64 and two layers loses 0.3 nats and no more, so "
        "eight are taken."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same people for both arms."""
        forgetting = Forgetting(FactsWorld(), seed)
        projection = {"name": "mrp", "rank": 8, "layers": [0, 1]}
        arms: dict[str, float] = {}
        for name, part, rate, optimizer in (
            ("projection", projection, 1.0, SGD),
            ("suppression", None, 1e-3, AdamW),
        ):
            model, track = forgetting.unlearn(OBJECTIVE, part, rate=rate, optimizer=optimizer, until=1.5, steps=120)
            again = forgetting.relearn(model, facts=len(forgetting.facts()["forget"]), steps=STEPS)
            arms |= {f"{name}, after {step} steps": again[step] for step in (0, 5, STEPS)}
            arms[f"{name}, kept"] = -track[-1][1]
        return arms
