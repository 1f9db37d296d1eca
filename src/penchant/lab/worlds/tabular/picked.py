"""Selected pairs, one per prompt, such as the most similar responses; and how training changes their likelihoods."""

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
        world: a world with reward.

    Returns:
        One pair per prompt.
    """
    first, second = world.reward.topk(2).indices.unbind(-1)
    return pair_examples(world, torch.arange(len(first)), first, second)


def similar_pairs(world: World, *, least: bool = False) -> Examples:
    """For each prompt, the pair with the most (or least) similar features, better response first.

    CHES(i, j) = φ_i · φ_j − |φ_i|²,   i chosen, j rejected

    Args:
        world: a world with features.
        least: select the least similar pair instead.

    Returns:
        One pair per prompt.

    Raises:
        ConfigurationError: the world has no features.

    Reference:
        Razin et al. (2024), Unintentional Unalignment: Likelihood Displacement in Direct Preference Optimization.
    """
    if not world.dials.features:
        raise ConfigurationError(
            "This world has no features, so the similarity of responses is undefined.", fix="Dials(features=3)"
        )
    alike = world.features @ world.features.mT
    alike = alike - alike.diagonal(dim1=-2, dim2=-1).unsqueeze(-1)
    worse = world.reward.unsqueeze(-1) <= world.reward.unsqueeze(-2)
    place = (-alike if least else alike).masked_fill(worse, -torch.inf).flatten(1).argmax(-1)
    chosen, rejected = place // world.dials.responses, place % world.dials.responses
    return pair_examples(world, torch.arange(len(place)), chosen, rejected)


def likelihood_change(world: World, policy: Policy, examples: Examples, view: str = "chosen") -> float:
    """The mean change of log-probability of a view's responses, relative to the reference.

    Args:
        world: a world with reference.
        policy: the trained policy.
        examples: the examples.
        view: name of a view with one response per example.

    Returns:
        The weighted mean over the examples, nats.
    """
    rows = examples.views[view]
    assert isinstance(rows, Rows)
    change = (log_probabilities(policy) - world.reference)[rows.prompt, rows.response]
    return float((change * examples.weight).sum() / examples.weight.sum())


def moves_of_one_step(world: World, objective: str, pairs: Examples) -> list[str]:
    """How one gradient step on a single pair, starting from the reference, changes its two likelihoods.

    Args:
        world: the world of the pairs.
        objective: id of the objective, used with its defaults.
        pairs: examples with the views ``chosen`` and ``rejected``.

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
