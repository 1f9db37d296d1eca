"""Density ratios of two checkpoints as a reward."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit, log_probabilities, pair_examples, sample_pairs
from penchant.lab.worlds.tabular.exact import ranked_rightly
from penchant.objectives import build

__all__ = ["TwoCheckpointsJudge"]


class TwoCheckpointsJudge(Claim):
    """The strong model is the weak one after DPO on 800 pairs, close to it; labels of all pairs come from the two."""

    id = "cdr-two-checkpoints"
    paper = "arXiv:2411.02481"
    sentence = (
        "The log-ratio of an aligned model and the model it was trained from ranks responses better than the aligned "
        "model's likelihood, and DPO on the labels that it gives reaches a higher reward."
    )
    measures = ("cdr",)
    methods = ("dpo",)
    world = Dials(prompts=8, responses=8, pairs=800, reference_spread=2.0, concentration=0.0)
    quantity = "share of pairs ranked as the true reward does, or expected reward after DPO on the labels"
    contrasts = (
        Contrast("ranking, log-ratio", "ranking, likelihood", smallest=0.05),
        Contrast("reward, log-ratio", "reward, likelihood", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 1, 300 steps each."""
        world = self.draw_world(seed)
        strong = log_probabilities(fit(world, build("dpo", beta=1.0), sample_pairs(world, seed), steps=300)).detach()
        found = {}
        for name, score in {"log-ratio": strong - world.reference, "likelihood": strong}.items():
            first, second = torch.combinations(torch.arange(world.dials.responses)).unbind(-1)
            prompt = torch.arange(world.dials.prompts).repeat_interleave(len(first))
            first, second = first.repeat(world.dials.prompts), second.repeat(world.dials.prompts)
            right = score[prompt, first] > score[prompt, second]
            chosen, rejected = torch.where(right, first, second), torch.where(right, second, first)
            labelled = fit(world, build("dpo", beta=1.0), pair_examples(world, prompt, chosen, rejected), steps=300)
            found[f"ranking, {name}"] = ranked_rightly(world.reward, score)
            found[f"reward, {name}"] = expected_reward(world, labelled)
        return found
