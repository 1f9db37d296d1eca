"""Supervised fine-tuning from an f-divergence on few demonstrations."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit_each, log_probabilities, sample_demonstrations
from penchant.objectives import build

__all__ = ["HoldsBack"]


class HoldsBack(Claim):
    """Pearson's χ² and plain likelihood on a few demonstrations, trained for long."""

    id = "fdiv-sft-few-demonstrations"
    paper = "arXiv:2507.00018"
    sentence = (
        "Trained for long on few demonstrations, the χ² form finds fresh responses of the expert more likely than "
        "plain supervised fine-tuning does."
    )
    methods = ("fdiv-sft",)
    baselines = ("nll",)
    world = Dials(prompts=8, responses=8, reference_spread=1.0, shortest=1, longest=1)
    quantity = "entropy of the responses, or mean log-probability of the expert's, nats"
    contrasts = (
        Contrast("pearson, expert", "nll, expert", smallest=0.2),
        Contrast("pearson, entropy", "nll, entropy", not_worse_by=0.1),
    )
    remark = "The gain is not one of diversity: the entropy of the responses is that of plain fine-tuning."

    def measure(self, seed: int) -> Mapping[str, float]:
        """32 demonstrations of an expert whose logits are those of the reference plus the reward; 300 steps."""
        world = self.draw_world(seed)
        expert = (world.reference + world.reward).log_softmax(-1)
        shown = sample_demonstrations(world, seed, expert, count=32)
        methods = {"nll": build("nll")} | {
            name: build("fdiv-sft", divergence=name) for name in ("total-variation", "pearson", "hellinger")
        }
        arms = {}
        for name, policy in fit_each(world, methods, shown, steps=300).items():
            found = log_probabilities(policy)
            arms[f"{name}, entropy"] = float(-(found.exp() * found).sum(-1).mean())
            arms[f"{name}, expert"] = float((expert.exp() * found).sum(-1).mean())
        return arms
