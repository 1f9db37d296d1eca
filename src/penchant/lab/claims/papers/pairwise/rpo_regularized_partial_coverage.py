"""Regularized Preference Optimization under partial coverage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["StaysWithWhatWasSeen"]


class StaysWithWhatWasSeen(Claim):
    """DPO with a likelihood term against DPO, with unseen responses that are worse than their features suggest."""

    id = "rpo-regularized-partial-coverage"
    paper = "arXiv:2405.16436"
    sentence = (
        "If half of the responses never occur in the data, are unlikely under the reference, and are worse than their "
        "features suggest, DPO moves to them; its likelihood-regularised form does not, and reaches a higher true "
        "reward."
    )
    methods = ("rpo-regularized",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, features=16, unseen=0.5, pairs=100)
    quantity = "probability of unseen responses, or expected true reward in standard deviations of the reward"
    contrasts = (
        Contrast("dpo, unseen", "rpo-regularized, unseen", smallest=0.1),
        Contrast("rpo-regularized, reward", "dpo, reward", smallest=0.2),
    )
    remark = (
        "A larger β helps DPO too, but less. If the features predict the reward correctly, moving to unseen responses "
        "pays off: the arms 'promise kept' show the reward of the same policies in that case."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The reference scales the probability of unseen responses by e⁻⁴; their true reward is lower by three."""
        world = self.draw_world(seed)
        hidden = world.behaviour == 0
        promised = replace(world, reference=(world.reference - 4.0 * hidden).log_softmax(-1))
        world = replace(promised, reward=promised.reward - 3.0 * hidden)
        pairs = sample_pairs(promised, seed)
        objectives = {
            "dpo": build("dpo", beta=0.1),
            "dpo, β = 1": build("dpo", beta=1.0),
            "rpo-regularized": build("rpo-regularized", beta=0.1, eta=1.0),
        }
        arms = {}
        for name, policy in fit_each(world, objectives, pairs, steps=75, learning_rate=0.2).items():
            arms[f"{name}, unseen"] = float((log_probabilities(policy).exp() * hidden).sum(-1).mean())
            arms[f"{name}, reward"] = expected_reward(world, policy)
            arms[f"{name}, promise kept"] = expected_reward(promised, policy)
        return arms
