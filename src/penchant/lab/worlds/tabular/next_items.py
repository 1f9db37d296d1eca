"""Users as prompts and items as responses: the next item of a user, negatives beside it, and hits of lists."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.policies import Policy, log_probabilities
from penchant.lab.worlds.tabular.world import World

__all__ = ["catalogue_of", "hit_rate", "next_item_logp", "sample_next_items", "taken", "with_negatives"]


def catalogue_of(world: World) -> Tensor:
    """[X, K] bool, the responses that are items: those that occur in the data (`Dials.unseen` says how many do not)."""
    return world.behaviour > 0


def taken(world: World) -> Tensor:
    """[X, K] the true probability that a user takes an item next: softmax of the reward over the catalogue."""
    return world.reward.masked_fill(~catalogue_of(world), -torch.inf).softmax(-1)


def sample_next_items(world: World, seed: int, count: int) -> Examples:
    """Users drawn uniformly, each with the item taken next, as the view ``chosen``."""
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(world.dials.prompts, (count,), generator=generator)
    chosen = torch.multinomial(taken(world)[prompt], 1, generator=generator).squeeze(1)
    return Examples({"chosen": Rows(prompt, chosen)})


def with_negatives(world: World, demonstrations: Examples, negatives: int, seed: int) -> Examples:
    """Each next item (rank 1) beside different other items of the catalogue, drawn uniformly (rank 2).

    Args:
        world: the world.
        demonstrations: from `sample_next_items`.
        negatives: N of them per example, fewer than the catalogue has items.
        seed: of the draw.
    """
    rows = demonstrations.views["chosen"]
    assert isinstance(rows, Rows)
    others = catalogue_of(world)[rows.prompt].double().scatter(1, rows.response[:, None], 0.0)
    drawn = torch.multinomial(others, negatives, generator=torch.Generator().manual_seed(seed))
    lists, count = torch.cat([rows.response[:, None], drawn], 1), len(rows.prompt)
    group = torch.arange(count).repeat_interleave(negatives + 1)
    ranks = torch.tensor([1.0, *[2.0] * negatives], dtype=torch.float64).repeat(count)
    return Examples({"responses": Rows(rows.prompt[group], lists.flatten(), group)}, {"ranks": ranks})


def hit_rate(world: World, policy: Policy | Tensor, k: int) -> float:
    """The true probability that the next item is among the ``k`` items that a policy finds most likely, in [0, 1]."""
    scores = log_probabilities(policy).masked_fill(~catalogue_of(world), -torch.inf)
    return float(taken(world).gather(1, scores.topk(k).indices).sum(1).mean())


def next_item_logp(world: World, policy: Policy | Tensor) -> float:
    """The expected log-probability of the next item under a policy, nats."""
    return float((taken(world) * log_probabilities(policy)).sum(1).mean())
