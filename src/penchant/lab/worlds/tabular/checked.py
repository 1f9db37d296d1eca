"""Answers that are checked: a reward of 1 for right responses and 0 for wrong ones, and groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.pairings import PAIRINGS, Samples
from penchant.lab.worlds.tabular.policies import Policy, log_probabilities
from penchant.lab.worlds.tabular.world import World
from penchant.objectives.functional.advantages import group_advantages

__all__ = ["checked_world", "length_of_wrong", "unscaled_group"]


def checked_world(world: World, right: int | Sequence[int]) -> World:
    """The world with a check of answers as its reward.

    Args:
        world: whose reward says which responses are the best.
        right: how many of the responses to a prompt are right: the best ones. Several numbers are taken in turn.

    Returns:
        The same world with the reward 1 for right and 0 for wrong responses; its expected reward is the share of
        right answers. Its preferences stay as they are.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world
        >>> checked_world(build_world(Dials(prompts=2, responses=4), seed=0), [1, 3]).reward.sum(-1)
        tensor([1., 3.], dtype=torch.float64)
    """
    counts = torch.tensor([right] if isinstance(right, int) else list(right))
    place = world.reward.argsort(-1, descending=True).argsort(-1)
    of_each = counts[torch.arange(len(place)) % len(counts)].unsqueeze(-1)
    return replace(world, reward=(place < of_each).double())


def length_of_wrong(world: World, policy: Policy | Tensor) -> float:
    """The mean length of a policy's wrong responses, over all prompts together, in tokens.

    Args:
        world: of `checked_world`.
        policy: a policy, or its log-probabilities [X, K].
    """
    wrong = log_probabilities(policy).exp() * (1 - world.reward)
    return float((wrong * world.lengths).sum() / wrong.sum())


def unscaled_group(world: World, samples: Samples) -> Examples:
    """The pairing ``group`` with advantages that are not divided by the deviation of the group.

    Args:
        world: where the samples were drawn.
        samples: of a round.

    Reference:
        Liu et al. (2025), Understanding R1-Zero-Like Training.
    """
    examples = PAIRINGS["group"](world, samples)
    rows = examples.views["responses"]
    assert isinstance(rows, Rows)
    return examples.with_fields(advantage=group_advantages(examples.fields["scores"], rows.group, scale="none"))
