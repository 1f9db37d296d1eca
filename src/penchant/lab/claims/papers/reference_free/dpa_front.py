"""Directional preference alignment and the front of two rewards."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.curation.best_along import best_along
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rows, fit, log_probabilities, sample_pairs
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import build

__all__ = ["FollowsDirections"]

_DEGREES = (-45, 0, 45)


class FollowsDirections(Claim):
    """Rejection sampling along three directions of two independent rewards, beside MODPO with the same weights."""

    id = "dpa-front"
    paper = "arXiv:2402.18571"
    sentence = (
        "Rejection-sampling fine-tuning along directions traces a front: more of the second reward as the direction "
        "turns to it and less as it turns away, with a higher reward along the direction than training on the first "
        "reward alone."
    )
    measures = ("dpa",)
    methods = ("nll",)
    baselines = ("modpo",)
    world = Dials(prompts=6, responses=8, pairs=800, concentration=0.0)
    quantity = "mean reward under the policy: the second one, or that along 45° or −45°"
    contrasts = (
        Contrast("second, 45°", "second, 0°", smallest=0.2),
        Contrast("second, 0°", "second, −45°", smallest=0.2),
        Contrast("along 45°, 45°", "along 45°, 0°", smallest=0.1),
        Contrast("along −45°, −45°", "along −45°, 0°", smallest=0.1),
    )
    remark = (
        "MODPO with the weights ½ and ½ is measured beside it on pairs of the first reward: it reads the second reward "
        "as a margin and never samples, while here both rewards choose among 8 samples of the policy, in two rounds."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Two rounds of 8 samples for 240 prompts, 100 steps each; each direction has a policy of its own."""
        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed + 500)
        second = torch.randn(world.reward.shape, generator=generator, dtype=torch.float64)
        both = torch.stack([world.reward, second], dim=-1)
        found: dict[str, float] = {}
        for degrees in _DEGREES:
            direction = [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]
            means = _mean(_followed(world, both, direction, generator), both)
            name = f"{degrees}°".replace("-", "−")
            found |= {f"second, {name}": float(means[1]), **_along(means, name)}
        modpo = fit(world, build("modpo", beta=0.5, weights=[0.5, 0.5]), _with_margins(world, second, seed), steps=300)
        means = _mean(log_probabilities(modpo).detach(), both)
        return {**found, "second, modpo": float(means[1]), **_along(means, "modpo")}


def _along(means: Tensor, name: str) -> dict[str, float]:
    high, low = float(means.sum()) / math.sqrt(2), float(means[0] - means[1]) / math.sqrt(2)
    return {f"along 45°, {name}": high, f"along −45°, {name}": low}


def _mean(log_policy: Tensor, rewards: Tensor) -> Tensor:
    """The mean of both rewards, [2]."""
    return (log_policy.exp().unsqueeze(-1) * rewards).sum(1).mean(0)


def _followed(world: World, rewards: Tensor, direction: list[float], generator: torch.Generator) -> Tensor:
    """The log-probabilities of the policy after two rounds along a direction."""
    policy, prompts, chosen = world.reference, list[Tensor](), list[Tensor]()
    for _round in range(2):
        prompt = torch.arange(240) % world.dials.prompts
        drawn = torch.multinomial(policy.exp()[prompt], 8, replacement=True, generator=generator)
        ratings = rewards[prompt.unsqueeze(1), drawn]
        places = torch.tensor([best_along(direction, own)[0] for own in ratings.tolist()])
        prompts.append(prompt)
        chosen.append(drawn[torch.arange(240), places])
        rows = Rows(torch.cat(prompts), torch.cat(chosen))
        examples = Examples({"chosen": rows}, {"record_index": torch.arange(len(rows.prompt))})
        policy = log_probabilities(fit(world, "nll", examples, steps=100)).detach()
    return policy


def _with_margins(world: World, second: Tensor, seed: int) -> Examples:
    pairs = sample_pairs(world, seed)
    views = {side: pairs.views[side] for side in ("chosen", "rejected")}
    margins = {
        f"{side}_margin_rewards": second[rows.prompt, rows.response].unsqueeze(1)
        for side, rows in views.items()
        if isinstance(rows, Rows)
    }
    return pairs.with_fields(**margins)
