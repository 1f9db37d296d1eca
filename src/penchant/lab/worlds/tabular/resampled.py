"""Pairs of responses from approximately the optimal policy, by statistical rejection sampling."""

from __future__ import annotations

import math

import torch

from penchant.curation.rejection import first_round, rejection_sample
from penchant.lab.worlds.tabular.examples import Examples
from penchant.lab.worlds.tabular.feedback import pair_examples
from penchant.lab.worlds.tabular.world import World

__all__ = ["resampled_pairs"]


def resampled_pairs(
    world: World, seed: int, *, beta: float = math.inf, candidates: int = 64, keep: int = 8, repeats: int = 4
) -> Examples:
    """Pairs by statistical rejection sampling (Liu et al., 2023), labelled by a reward model.

    For each prompt, ``repeats`` times: draw candidates from the reference, keep some by `rejection_sample`, form random
    pairs, and label them by the reward model. The reward model is the true reward with a fixed error of ``score_noise``
    per response, drawn once by the seed; it is used for sampling and labelling.

    Args:
        world: a world with reference and reward.
        seed: seed of all random draws.
        beta: temperature of the rejection sampling, in units of reward; infinity samples from the reference.
        candidates, keep, repeats: see above.

    Returns:
        The pairs; pairs of equal responses are left out.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world
        >>> len(resampled_pairs(build_world(Dials(responses=50), seed=0), seed=0, repeats=1)) <= 8 * 4
        True

    Reference:
        Liu et al. (2023), Statistical Rejection Sampling Improves Preference Optimization.
    """
    generator = torch.Generator().manual_seed(seed)
    error = torch.randn(world.reward.shape, generator=generator, dtype=torch.float64)
    judged = world.reward + world.dials.score_noise * error
    found: list[tuple[int, int, int]] = []
    for prompt in torch.arange(world.dials.prompts).repeat(repeats).tolist():
        drawn = torch.multinomial(world.reference[prompt].exp(), candidates, replacement=True, generator=generator)
        scores = judged[prompt, drawn].tolist()
        kept = rejection_sample(scores, keep, beta, generator)
        pairs = first_round(kept, scores, generator)
        found += [(prompt, int(drawn[better]), int(drawn[worse])) for better, worse in pairs]
    return pair_examples(world, *torch.tensor(found).unbind(-1))
