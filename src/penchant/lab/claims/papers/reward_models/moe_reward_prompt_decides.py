"""The gated reward where the prompt decides which aspect counts."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import build

__all__ = ["PromptDecides"]

#: Pairs to learn from, the error of a rating, and the criteria of two aspects.
PAIRS, ERROR, ASPECTS = 300, 0.5, [[0, 1], [2, 3]]


class PromptDecides(Claim):
    """Four criteria in two aspects; the prompt says which aspect decides, and no label does."""

    id = "moe-reward-prompt-decides"
    paper = "arXiv:2502.01719"
    sentence = (
        "Where the prompt decides which aspect of a response counts, a reward with gates and ratings by criterion "
        "predicts more of new preferences than a single reward, and than regression of the ratings with even weights."
    )
    methods = ("moe-reward",)
    baselines = ("bt-reward-model", "multi-objective-reward-regression")
    world = f"{PAIRS} rated pairs of responses with 8 random features; the sign of a prompt's feature picks the aspect"
    quantity = "accuracy on 2,000 other pairs"
    contrasts = (
        Contrast("moe-reward", "bt-reward-model", smallest=0.1),
        Contrast("moe-reward", "multi-objective-reward-regression", smallest=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 steps; gates with one hidden layer, at temperature 1; beside them, the same gates without ratings."""
        torch.manual_seed(seed)  # of the heads
        generator = torch.Generator().manual_seed(seed)
        truth = torch.randn(8, 4, generator=generator, dtype=torch.float64) / 8**0.5

        def drawn(count: int) -> dict[str, Tensor]:
            first, second = random_pairs(generator, count, 8)
            prompt, _ = random_pairs(generator, count, 8)
            gap = (first - second) @ truth
            wins = torch.where(prompt[:, 0] > 0, gap[:, :2].sum(dim=1), gap[:, 2:].sum(dim=1)) > 0
            sides = {"chosen": (wins, first, second), "rejected": (~wins, first, second)}
            found = {name: torch.where(each.unsqueeze(1), one, two) for name, (each, one, two) in sides.items()}
            return {**found, "prompt": prompt}

        seen, other = drawn(PAIRS), drawn(2000)
        pairs = {side: with_states(seen[side], seen["prompt"]) for side in ("chosen", "rejected")}
        errors = ERROR * torch.randn(2, PAIRS, 4, generator=generator, dtype=torch.float64)
        ratings = {
            f"{side}_ratings": seen[side] @ truth + error
            for side, error in zip(("chosen", "rejected"), errors, strict=True)
        }
        found = {"bt-reward-model": pair_accuracy(fit_head(build("bt"), pairs, 8), other["chosen"], other["rejected"])}
        rated = {
            "chosen": with_states(torch.cat([seen["chosen"], seen["rejected"]])),
            "ratings": torch.cat(list(ratings.values())),
        }
        even = fit_head(build("multi-objective-reward-regression", labels=4), rated, 8, steps=400)
        found["multi-objective-reward-regression"] = pair_accuracy(even, other["chosen"], other["rejected"])
        for name, more in (("moe-reward", ratings), ("moe-reward, no ratings", {})):
            gates = {"gate_weight": 0.0, "temperature": 1.0, "gate_width": 16, "gate_layers": 1}
            model = build("moe-reward", criteria=4, aspects=ASPECTS, **gates)
            fit_head(model, {**pairs, **more}, 8, steps=400, learning_rate=0.02)
            good, bad = (model.rewards(with_states(other[side], other["prompt"])) for side in ("chosen", "rejected"))
            assert good is not None and bad is not None
            found[name] = float((good > bad).double().mean())
        return found
