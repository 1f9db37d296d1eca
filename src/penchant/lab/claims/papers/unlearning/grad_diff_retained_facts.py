"""Gradient difference and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, Rows, World, fit, log_probabilities
from penchant.objectives import build

__all__ = ["RetainedFacts"]

#: Required decrease of the forget facts' log-probability, nats.
FORGOTTEN = 8.0


class RetainedFacts(Claim):
    """Gradient difference, and gradient ascent, the same without the retain term."""

    id = "grad-diff-retained-facts"
    paper = "arXiv:2401.06121"
    sentence = (
        "In a log-linear world whose policy has learned one answer to each of eight prompts, gradient difference makes "
        "half of the answers 8 nats less likely and degrades the others less than gradient ascent."
    )
    methods = ("grad-diff",)
    world = Dials(prompts=8, responses=6, features=16, reference_spread=0.0)
    quantity = "change of the retained answers' log-probability when the forgotten ones have lost 8 nats, in nats"
    contrasts = (Contrast("gradient difference", "gradient ascent", smallest=0.3),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Both start from a policy that has learned all answers; the first half of them is the forget set."""
        world = self.draw_world(seed)
        prompt = torch.arange(world.dials.prompts)
        generator = torch.Generator().manual_seed(seed)
        answer = torch.randint(world.dials.responses, prompt.shape, generator=generator)
        known = fit(world, "nll", Examples({"chosen": Rows(prompt, answer)}), steps=200)
        return {
            name: _retained(world, known, (prompt, answer), weight)
            for name, weight in (("gradient difference", 1.0), ("gradient ascent", 0.0))
        }


def _retained(world: World, known: Policy, facts: tuple[Tensor, Tensor], weight: float) -> float:
    """The mean change of the second half of the facts at the first step where the first half has fallen enough."""
    half = len(facts[0]) // 2
    (forget, retain), before = zip(*(each.split(half) for each in facts), strict=True), log_probabilities(known)[facts]
    found: list[float] = []

    def watch(_step: int, policy: Policy, _loss: float) -> None:
        lost, left = (log_probabilities(policy)[facts] - before).split(half)
        if lost.mean() <= -FORGOTTEN and not found:
            found.append(float(left.mean()))

    examples = Examples({"forget": Rows(*forget), "retain": Rows(*retain)})
    fit(world, build("grad-diff", retain_coeff=weight), examples, steps=300, policy=known, watch=watch)
    assert found, "300 steps are several times what either arm needs"
    return found[0]
