"""Pairs picked for how their responses relate, one a prompt, and what training did to their likelihoods."""

from __future__ import annotations

import torch

from penchant.errors import ConfigurationError
from penchant.lab.tabular.examples import Examples, Rows
from penchant.lab.tabular.feedback import pair_examples
from penchant.lab.tabular.policies import Policy, log_probabilities
from penchant.lab.tabular.world import World

__all__ = ["best_two", "likelihood_change", "similar_pairs"]


def best_two(world: World) -> Examples:
    """The best response to each prompt against the second best.

    Args:
        world: with the reward.

    Returns:
        One pair a prompt.
    """
    first, second = world.reward.topk(2).indices.unbind(-1)
    return pair_examples(world, torch.arange(len(first)), first, second)


def similar_pairs(world: World) -> Examples:
    """Of each prompt the pair, better response first, whose features resemble each other most.

    CHES(i, j) = φ_i · φ_j − |φ_i|²,   i chosen, j rejected

    Args:
        world: with features.

    Returns:
        One pair a prompt.

    Raises:
        ConfigurationError: the world has no features.

    Reference:
        Razin et al. (2024), Unintentional Unalignment: Likelihood Displacement in Direct Preference Optimization.
    """
    if not world.dials.features:
        raise ConfigurationError("Responses of this world have no features to be alike in.", fix="Dials(features=3)")
    alike = world.features @ world.features.mT
    alike = alike - alike.diagonal(dim1=-2, dim2=-1).unsqueeze(-1)
    worse = world.reward.unsqueeze(-1) <= world.reward.unsqueeze(-2)
    place = alike.masked_fill(worse, -torch.inf).flatten(1).argmax(-1)
    chosen, rejected = place // world.dials.responses, place % world.dials.responses
    return pair_examples(world, torch.arange(len(place)), chosen, rejected)


def likelihood_change(world: World, policy: Policy, examples: Examples, view: str = "chosen") -> float:
    """How far training has raised the log-probability of a view's responses above the reference's.

    Args:
        world: with the reference.
        policy: the trained one.
        examples: whose responses are looked at.
        view: which of them, one response an example.

    Returns:
        The mean over the examples by their weights, nats.
    """
    rows = examples.views[view]
    assert isinstance(rows, Rows)
    change = (log_probabilities(policy) - world.reference)[rows.prompt, rows.response]
    return float((change * examples.weight).sum() / examples.weight.sum())
