"""Categories of prompts with tastes of their own, and demonstrations of each with samples of the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.world import World

__all__ = ["Given", "demonstrations", "of_categories"]


@dataclass(frozen=True)
class Given:
    """Demonstrations: [D] categories and responses, and [D, K] samples of the reference to the same prompts."""

    category: Tensor
    response: Tensor
    samples: Tensor


def of_categories(world: World, seed: int) -> World:
    """The world in which every prompt is a category with a taste of its own.

    Args:
        world: with features.
        seed: of the tastes.
    """
    generator = torch.Generator().manual_seed(seed + 77)
    tastes = torch.randn(world.features.shape[0], world.features.shape[-1], generator=generator, dtype=torch.float64)
    reward = torch.einsum("xkd,xd->xk", world.features, tastes)
    reward = (reward - reward.mean(-1, keepdim=True)) / reward.std(-1, keepdim=True)
    return replace(world, reward=reward)


def demonstrations(world: World, seed: int, shown: int, beside: int) -> Given:
    """Demonstrations of a good policy, as many of each category.

    Args:
        world: whose prompts are categories.
        seed: of the draws.
        shown: demonstrations of each category.
        beside: samples of the reference beside each.
    """
    generator = torch.Generator().manual_seed(seed + 177)
    category = torch.arange(len(world.reward)).repeat_interleave(shown)
    good = (world.reference + 2 * world.reward).softmax(-1)
    response = torch.multinomial(good[category], 1, generator=generator).squeeze(1)
    samples = torch.multinomial(world.reference[category].exp(), beside, replacement=True, generator=generator)
    return Given(category, response, samples)
