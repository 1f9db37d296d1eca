"""WAGLE: masks of weights and what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.facts import FactsWorld
from penchant.lab.worlds.facts.forgetting import Forgetting

__all__ = ["MaskedForgetting"]

#: Increase of the forgotten answers' NLL per token at which the kept ones are compared, nats.
FORGOTTEN = 1.0


class MaskedForgetting(Claim):
    """Gradient difference and NPO on half of the weights, chosen by WAGLE or at random, and on all."""

    id = "wagle-kept-facts"
    paper = "arXiv:2410.17509"
    sentence = (
        "A model that knows facts about 24 people forgets six of them. When the forgotten answers have lost 1 nat per "
        "token in another wording, gradient difference and NPO with a retain term on the half of the weights that "
        "WAGLE chooses have degraded the other answers less than on all weights, and less than on a random half."
    )
    measures = ("wagle",)
    methods = ("grad-diff", "npo")
    world = "FactsWorld: six of 24 people are drawn to be forgotten, AdamW, learning rate 1e-3"
    quantity = "change of the kept answers' log-probability per token at equal forgetting, nats"
    contrasts = (
        Contrast("grad-diff, wagle", "grad-diff", smallest=0.03),
        Contrast("grad-diff, wagle", "grad-diff, random", smallest=0.01),
        Contrast("npo-retain, wagle", "npo-retain", smallest=0.02),
        Contrast("npo-retain, wagle", "npo-retain, random", smallest=0.02),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "Half of the weights move here; the paper moves 95 % of a model of billions, and at 80 % the effect in this "
        "world is a quarter of that at 50 %. |θ g_F| (snip), which needs no retain set, does as well as WAGLE."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same people and the same order of examples for all arms."""
        forgetting = Forgetting(FactsWorld(), seed)
        arms = {}
        for objective in ("grad-diff", "npo-retain"):
            for name in ("", "wagle", "random", "snip"):
                part = {"name": name, "ratio": 0.5} if name else None
                arms[f"{objective}, {name}" if name else objective] = -_kept(forgetting, objective, part)
        return arms


def _kept(forgetting: Forgetting, objective: str, parameters: Mapping[str, Any] | None) -> float:
    """Increase of the kept answers' NLL where the forgotten ones reach `FORGOTTEN`, interpolated between steps."""
    _model, track = forgetting.unlearn(objective, parameters, rate=1e-3, until=FORGOTTEN, steps=80)
    lost, left = track[-1]
    assert lost >= FORGOTTEN, "80 steps are several times what any arm needs"
    before = track[-2] if len(track) > 1 else (0.0, 0.0)
    share = (FORGOTTEN - before[0]) / (lost - before[0])
    return before[1] + share * (left - before[1])
