"""PoFT on demonstrations with noise."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rows, expected_reward, fit_each, sample_demonstrations
from penchant.objectives import build

__all__ = ["ResistsNoise"]


class ResistsNoise(Claim):
    """PoFT and supervised learning on demonstrations of which a share is drawn at random."""

    id = "poft-noisy-demonstrations"
    paper = "arXiv:2412.12865"
    sentence = (
        "Where four of ten demonstrations are random responses, PoFT with the likelihoods of three aligned models, "
        "each imperfect, reaches a higher true reward than supervised learning on the same demonstrations."
    )
    methods = ("poft",)
    baselines = ("nll",)
    world = Dials(prompts=8, responses=8, reference_spread=0.0)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("poft", "nll", smallest=0.1), Contrast("nll, clean", "nll", smallest=0.1))

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 demonstrations of an expert with logits 2 r; the aligned models have logits 2 r plus noise; 100 steps."""
        world = self.draw_world(seed)
        expert = (2 * world.reward).log_softmax(-1)
        clean = sample_demonstrations(world, seed, expert)
        rows = clean.views["chosen"]
        assert isinstance(rows, Rows)
        generator = torch.Generator().manual_seed(seed + 17)
        anything = torch.randint(world.dials.responses, (len(clean),), generator=generator)
        random = torch.rand(len(clean), generator=generator) < 0.4
        noisy = clean.with_view("chosen", Rows(rows.prompt, torch.where(random, anything, rows.response)))
        shown = noisy.views["chosen"]
        assert isinstance(shown, Rows)
        noise = torch.randn(3, *world.reward.shape, generator=generator, dtype=torch.float64)
        aligned = (2 * world.reward + noise).log_softmax(-1)[:, shown.prompt, shown.response]
        lengths = world.lengths[shown.prompt, shown.response]
        examples = {"nll, clean": clean, "nll": noisy, "poft": noisy.with_fields(chosen_sources=(aligned / lengths).T)}
        methods = {"nll, clean": build("nll"), "nll": build("nll"), "poft": build("poft")}
        trained = fit_each(world, methods, examples, steps=100)
        return {name: expected_reward(world, policy) for name, policy in trained.items()}
