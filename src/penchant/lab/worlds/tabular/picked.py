"""Pairs picked for how their responses relate, one per prompt, and what training did to their likelihoods."""

from __future__ import annotations

import torch

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import pair_examples
from penchant.lab.worlds.tabular.fitting import fit
from penchant.lab.worlds.tabular.policies import Policy, log_probabilities
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import build

__all__ = ["best_two", "likelihood_change", "moves_of_one_step", "similar_pairs"]


def best_two(world: World) -> Examples:
    """The best response to each prompt against the second best.

    Args:
        world: with the reward.

    Returns:
        One pair per prompt.
    """
    first, second = world.reward.topk(2).indices.unbind(-1)
    return pair_examples(world, torch.arange(len(first)), first, second)


def similar_pairs(world: World, *, least: bool = False) -> Examples:
    """Of each prompt the pair, better response first, whose features resemble each other most, or least.

    CHES(i, j) = φ_i · φ_j − |φ_i|²,   i chosen, j rejected

    Args:
        world: with features.
        least: the pair with the least resemblance instead.

    Returns:
        One pair per prompt.

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
    place = (-alike if least else alike).masked_fill(worse, -torch.inf).flatten(1).argmax(-1)
    chosen, rejected = place // world.dials.responses, place % world.dials.responses
    return pair_examples(world, torch.arange(len(place)), chosen, rejected)


def likelihood_change(world: World, policy: Policy, examples: Examples, view: str = "chosen") -> float:
    """How far training has raised the log-probability of a view's responses above the reference's.

    Args:
        world: with the reference.
        policy: the trained one.
        examples: whose responses are looked at.
        view: which of them, one response per example.

    Returns:
        The mean over the examples by their weights, nats.
    """
    rows = examples.views[view]
    assert isinstance(rows, Rows)
    change = (log_probabilities(policy) - world.reference)[rows.prompt, rows.response]
    return float((change * examples.weight).sum() / examples.weight.sum())


def moves_of_one_step(world: World, objective: str, pairs: Examples) -> list[str]:
    """Which way one step of gradient descent on a pair by itself, from the reference, moves its two likelihoods.

    Args:
        world: where the pairs live.
        objective: its id, used with its defaults.
        pairs: with the views ``chosen`` and ``rejected``.

    Returns:
        For each pair ``desired``, ``both up`` or ``both down``.
    """
    chosen, rejected = pairs.views["chosen"], pairs.views["rejected"]
    assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
    moves = []
    for prompt, better, worse in zip(chosen.prompt, chosen.response, rejected.response, strict=True):
        pair = pair_examples(world, prompt[None], better[None], worse[None])
        policy = fit(world, build(objective), pair, steps=1, learning_rate=0.5, optimizer="sgd")
        change = (log_probabilities(policy) - world.reference)[prompt]
        moves.append("both up" if change[worse] > 0 else "both down" if change[better] < 0 else "desired")
    return moves
