"""D²O where only bad responses are known."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rows,
    expected_reward,
    fit_each,
    log_probabilities,
    sample_judgements,
)
from penchant.objectives import build

__all__ = ["OnlyBad"]

_SAMPLES = 4


class OnlyBad(Claim):
    """D²O with four own samples for each bad response, and unlikelihood (gradient ascent) on the bad responses."""

    id = "d2o-only-bad-responses"
    paper = "arXiv:2403.03419"
    sentence = (
        "From the undesirable ones of 400 judgements alone, D²O with four own samples reaches a higher true reward "
        "than unlikelihood on the same responses after 200 steps, and keeps some entropy where unlikelihood collapses."
    )
    methods = ("d2o",)
    baselines = ("gradient-ascent",)
    world = Dials(features=16, similarity=0.3)
    quantity = "expected true reward, in standard deviations of the reward; entropy of responses to a prompt, in nats"
    contrasts = (
        Contrast("d2o", "unlikelihood", smallest=0.08),
        Contrast("d2o, entropy", "unlikelihood, entropy", smallest=0.15),
    )
    seeds = range(20)
    remark = "After 25 steps unlikelihood is ahead on the tuning seeds (0.77 against 0.66): it moves faster at first."

    def measure(self, seed: int) -> Mapping[str, float]:
        """α = β = 0.1, 200 steps; samples of the reference."""
        world = self.draw_world(seed)
        judged = sample_judgements(world, seed)
        rows, bad = judged.views["responses"], judged.fields["label"] < 0.5
        assert isinstance(rows, Rows)
        prompt, response = rows.prompt[bad], rows.response[bad]
        generator = torch.Generator().manual_seed(seed)
        own = torch.multinomial(world.reference.exp()[prompt], _SAMPLES, replacement=True, generator=generator)
        example = torch.arange(len(prompt)).repeat_interleave(_SAMPLES)
        samples = Rows(prompt.repeat_interleave(_SAMPLES), own.flatten(), example)
        examples = {
            "d2o": Examples({"bad": Rows(prompt, response), "samples": samples}),
            "unlikelihood": Examples({"forget": Rows(prompt, response)}),
        }
        methods = {"d2o": build("d2o"), "unlikelihood": build("gradient-ascent")}
        found = {"reference": expected_reward(world, world.reference), "reference, entropy": _entropy(world.reference)}
        for arm, policy in fit_each(world, methods, examples, steps=200).items():
            found |= {arm: expected_reward(world, policy), f"{arm}, entropy": _entropy(log_probabilities(policy))}
        return found


def _entropy(table: torch.Tensor) -> float:
    """The mean entropy of the responses to a prompt, nats."""
    return float(-(table.exp() * table).sum(-1).mean())
