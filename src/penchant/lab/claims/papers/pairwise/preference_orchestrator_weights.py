"""Weights of objectives that follow from the prompt, against equal ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.curation.prompt_weights import fit_adapter, target_weights
from penchant.lab.claims import Claim, Contrast

__all__ = ["PromptsSayWhatCounts"]


class PromptsSayWhatCounts(Claim):
    """The weight of each of three rewards is linear in eight features of the prompt, before a softmax."""

    id = "preference-orchestrator-weights"
    paper = "arXiv:2511.10656"
    sentence = (
        "Weights that a small network learns from the rewards of preferred responses choose better responses to new "
        "prompts than equal weights do, where what counts follows from the prompt."
    )
    measures = ("preference-orchestrator",)
    methods = ("modpo",)
    world = "600 prompts with 8 features; the preferred of 8 responses maximises three rewards weighted by the prompt"
    quantity = "mean true utility of the best of 8 responses to 2,000 new prompts"
    contrasts = (Contrast("learned weights", "equal weights", smallest=0.05),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps of Adam at 0.01, T = ½."""
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        slopes = normal(8, 3)
        prompts, others = normal(600, 8), normal(2000, 8)
        rewards, new = normal(600, 8, 3), normal(2000, 8, 3)
        utility = (rewards * (prompts @ slopes).softmax(-1).unsqueeze(1)).sum(-1)
        preferred = rewards[torch.arange(600), utility.argmax(-1)]
        targets = target_weights(preferred, 0.5)
        learned = fit_adapter(prompts, targets, steps=300, learning_rate=0.01, seed=seed)(others)
        true = (new * (others @ slopes).softmax(-1).unsqueeze(1)).sum(-1)
        arms = {"learned weights": learned, "equal weights": torch.ones_like(learned)}
        found = {}
        for name, weights in arms.items():
            best = (new * weights.unsqueeze(1)).sum(-1).argmax(-1)
            found[name] = float(true[torch.arange(2000), best].mean())
        return found
