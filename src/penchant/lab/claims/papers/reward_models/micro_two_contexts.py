"""MiCRo where the context decides."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import by_choice, fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import build

__all__ = ["ContextDecides"]


class ContextDecides(Claim):
    """Prompts of two kinds, with opposite preferences; no label says which."""

    id = "micro-two-contexts"
    paper = "arXiv:2505.24846"
    sentence = (
        "Where prompts of two kinds ask for opposite responses, a mixture whose router reads the prompt predicts new "
        "preferences; a single reward and a mixture with fixed weights do not."
    )
    methods = ("micro",)
    baselines = ("bt-reward-model",)
    world = "400 pairs of responses with 6 random features; the sign of the prompt's first feature turns preferences"
    quantity = "accuracy on 400 other pairs"
    contrasts = (
        Contrast("micro", "bt-reward-model", smallest=0.2),
        Contrast("micro", "micro, fixed weights", smallest=0.2),
    )
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 steps, two heads, α = 0.05."""
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        truth = torch.randn(6, generator=generator, dtype=torch.float64)

        def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            first, second = random_pairs(generator, 400, 6)
            prompt, _ = random_pairs(generator, 400, 6)
            return *by_choice(prompt[:, 0].sign() * ((first - second) @ truth) > 0, first, second), prompt

        (good, bad, asked), (better, worse, other) = drawn(), drawn()
        pairs = {"chosen": with_states(good, asked), "rejected": with_states(bad, asked)}
        found = {"bt-reward-model": pair_accuracy(fit_head(build("bt"), pairs, 6), better, worse)}
        for name, context in (("micro", True), ("micro, fixed weights", False)):
            model = build("micro", heads=2, alpha=0.05, router_width=16, context_router=context)
            fitted = fit_head(model, pairs, 6, steps=400, learning_rate=0.02)
            seen = fitted(chosen=with_states(better, other), rejected=with_states(worse, other)).statistics
            found[name] = float(seen["reward_accuracy"].double().mean())
        return found
