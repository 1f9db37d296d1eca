"""SPO: classification of degradation levels by a head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rows, Scoring, World, fit, log_probabilities, pair_examples
from penchant.objectives import build

__all__ = ["DegreesAreTold"]

_LEVELS = 4


class DegreesAreTold(Claim):
    """SPO with four degradation levels of two answers per prompt."""

    id = "spo-degree-levels"
    paper = "arXiv:2409.17791"
    sentence = (
        "In addition to the preferences, SPO's head learns to classify how far copies of a response were degraded, "
        "much better than chance."
    )
    methods = ("spo-degree",)
    world = Dials(prompts=8, responses=2 * _LEVELS, features=6)
    quantity = "accuracy of the level classification"
    contrasts = (Contrast("recognised", 1 / _LEVELS, smallest=0.2),)
    remark = (
        "In a table, features replace hidden states and are not trained, so the policy itself cannot gain here; the "
        "gain in the paper needs a model whose hidden states both losses train."
    )

    def draw_world(self, seed: int) -> World:
        """Two answers with four levels each: features shift along one direction with the level, plus noise."""
        generator = torch.Generator().manual_seed(seed + 3)
        answer, noise = torch.randn(2, 8, 2, _LEVELS, 6, generator=generator, dtype=torch.float64)
        answer = answer[:, :, :1].expand(-1, -1, _LEVELS, -1)
        direction = torch.nn.functional.one_hot(torch.arange(_LEVELS), 6).double()
        features = answer + 0.5 * noise + 2 * direction
        return replace(super().draw_world(seed), features=features.flatten(1, 2))

    def measure(self, seed: int) -> Mapping[str, float]:
        """Intact answers are compared; all levels of both are copies. 100 steps, γ = 1."""
        world = self.draw_world(seed)
        prompt = torch.arange(8)
        chosen = torch.zeros(8, dtype=torch.long)
        pairs = pair_examples(world, prompt, chosen, chosen + _LEVELS)
        owner = prompt.repeat_interleave(_LEVELS)
        level = torch.arange(_LEVELS).repeat(8)
        for view, start in (("chosen_degraded", 0), ("rejected_degraded", _LEVELS)):
            pairs = pairs.with_view(view, Rows(owner, start + level, owner))
        method = build("spo-degree", gamma=1.0, levels=_LEVELS)
        policy = fit(world, method, pairs, steps=100)
        inputs = Scoring(world, method, pairs, world.reference)(log_probabilities(policy))
        return {"recognised": float(method(**inputs).statistics["degree_accuracy"].mean())}
