"""Robust preference selection where the wanted direction is rare in training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, World
from penchant.objectives.functional.pairs import logistic

__all__ = ["ShiftedPreference"]

_BETA, _DRAWS = 0.2, 5


class ShiftedPreference(Claim):
    """Five responses with the wanted direction, and one with each of five directions near it."""

    id = "rps-shifted-preference"
    paper = "arXiv:2510.20498"
    sentence = (
        "A policy that reads weights of two rewards and was trained with DPO on directions around the middle answers a "
        "rare direction better if each of five responses is asked for with a direction near it than if all five are "
        "asked for with the direction itself."
    )
    measures = ("rps",)
    baselines = ("dpo",)
    world = Dials(prompts=16, responses=24, features=8, reference_spread=0.5)
    quantity = "reward of the chosen response in the wanted direction, standard deviations of a reward"
    contrasts = (Contrast("rps", "best of five", smallest=0.1),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Directions of 400 pairs are within 12 degrees of 45; wanted are 0 and 90 degrees; θ = 30 degrees."""
        from penchant.inference.directions import neighbours

        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed)
        second = world.features @ torch.randn(world.dials.features, generator=generator, dtype=torch.float64)
        second = second - second.mean(-1, keepdim=True)
        rewards = torch.stack([world.reward, second / second.square().mean().sqrt()], -1)
        theta = _trained(world, rewards, generator)
        found = {"rps": 0.0, "best of five": 0.0, "one response": 0.0}
        for degrees in (0.0, 90.0):
            wanted = _of(degrees)
            near = neighbours(wanted.tolist(), _DRAWS, 30.0, seed=seed)
            value = rewards @ wanted
            rps = [_policy(world, theta, torch.tensor(each, dtype=torch.float64)) for each in near]
            own = _policy(world, theta, wanted)
            found["rps"] += _best(value, rps, generator) / 2
            found["best of five"] += _best(value, [own] * _DRAWS, generator) / 2
            found["one response"] += _best(value, [own], generator) / 2
        return found


def _of(degrees: float) -> Tensor:
    angle = math.radians(degrees)
    return torch.tensor([max(0.0, math.cos(angle)), math.sin(angle)], dtype=torch.float64)


def _basis(direction: Tensor) -> Tensor:
    """What the policy reads of a direction: a cubic, which is wrong far from what it was trained on."""
    first, second = direction[..., 0], direction[..., 1]
    lead = first - second
    return torch.stack([torch.ones_like(lead), lead, lead.square(), lead**3], -1)


def _policy(world: World, theta: Tensor, direction: Tensor) -> Tensor:
    """[X, K] log-probabilities of the policy for a direction."""
    return (world.reference + world.features @ (theta @ _basis(direction))).log_softmax(-1)


def _trained(world: World, rewards: Tensor, generator: torch.Generator) -> Tensor:
    """DPO on pairs that are labelled in a direction each; the policy is log-linear in features times the basis."""
    count = world.dials.pairs
    directions = torch.stack([_of(45 + 12 * float(each)) for each in torch.randn(count, generator=generator)])
    prompt = torch.randint(world.dials.prompts, (count,), generator=generator)
    pair = torch.rand(count, world.dials.responses, generator=generator).argsort(-1)[:, :2]
    value = (rewards[prompt[:, None], pair] * directions[:, None]).sum(-1)
    first = torch.rand(count, generator=generator) < (value[:, 0] - value[:, 1]).sigmoid()
    sign = torch.where(first, 1.0, -1.0).double()
    lead = world.features[prompt, pair[:, 0]] - world.features[prompt, pair[:, 1]]
    theta = torch.zeros(world.dials.features, 4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=0.05)
    for _ in range(300):
        margin = (lead * (_basis(directions) @ theta.T)).sum(-1)
        optimizer.zero_grad()
        logistic(_BETA * sign * margin).mean().backward()
        optimizer.step()
    return theta.detach()


def _best(value: Tensor, policies: Sequence[Tensor], generator: torch.Generator) -> float:
    """The mean over prompts of the largest value among one response of each policy, over 50 draws."""
    total = 0.0
    for _ in range(50):
        drawn = torch.stack([torch.multinomial(each.exp(), 1, generator=generator)[:, 0] for each in policies], -1)
        total += float(value.gather(1, drawn).amax(-1).mean()) / 50
    return total
