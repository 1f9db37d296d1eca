"""Eurus' objective says which solutions are right."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, random_pairs, with_states
from penchant.objectives import build

__all__ = ["RightIsAboveZero"]


class RightIsAboveZero(Claim):
    """A linear head on random states with a constant; a solution is right if its true reward is above 1."""

    id = "eurus-rm-absolute"
    paper = "arXiv:2404.02078"
    sentence = (
        "Trained on pairs of a right and a wrong solution, Eurus' reward model puts right solutions above 0 and wrong "
        "ones below, which Bradley-Terry does not learn."
    )
    methods = ("eurus-rm",)
    baselines = ("bt-reward-model",)
    world = "400 pairs of solutions with 6 random features and a constant"
    quantity = "share of 2,000 other solutions on the right side of 0"
    contrasts = (Contrast("eurus-rm", "bt-reward-model", smallest=0.05),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 steps."""
        generator = torch.Generator().manual_seed(seed)
        truth = torch.nn.functional.normalize(torch.randn(6, generator=generator, dtype=torch.float64), dim=0) * 2

        def solutions(count: int) -> torch.Tensor:
            states, _ = random_pairs(generator, count, 6)
            return torch.cat([states, torch.ones(count, 1, dtype=torch.float64)], dim=1)

        def right(states: torch.Tensor) -> torch.Tensor:
            return states[:, :6] @ truth > 1

        drawn, others = solutions(4000), solutions(2000)
        good, bad = drawn[right(drawn)][:400], drawn[~right(drawn)][:400]
        inputs = {"chosen": with_states(good), "rejected": with_states(bad)}
        found = {}
        for name in ("eurus-rm", "bt-reward-model"):
            rewards = fit_head(build(name), inputs, 7, steps=400).rewards(with_states(others))
            assert rewards is not None
            found[name] = float(((rewards > 0) == right(others)).double().mean())
        return found
