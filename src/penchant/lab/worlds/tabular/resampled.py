"""Pairs of responses drawn, by rejection sampling, nearly from the optimal policy instead of from the reference."""

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
    """Pairs as statistical rejection sampling makes them (Liu et al., 2023), labelled by a reward model.

    To each prompt, ``repeats`` times: draw candidates from the reference, keep some by `rejection_sample`, put them
    into pairs at random, and call the one better that the reward model likes more. The model is the true reward with an
    error of the dial ``score_noise`` for each response, drawn once by the seed; it samples and labels.

    Args:
        world: with reference and reward.
        seed: of everything that is drawn.
        beta: temperature of the kept ones, in the reward's unit; infinity keeps draws from the reference.
        candidates, keep, repeats: as above.

    Returns:
        The pairs; those of equal responses are left out.

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
