"""Pairs labelled by noisy ratings of a judge, with scores and preference probabilities."""

from __future__ import annotations

import torch

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import sample_pairs
from penchant.lab.worlds.tabular.world import World

__all__ = ["rated_pairs"]


def rated_pairs(world: World, seed: int, count: int | None = None) -> Examples:
    """Pairs of responses from the data distribution; the one with the higher rating is chosen.

    probability = σ((score_chosen − score_rejected) / temperature)

    A rating is the true reward with an error of ``score_noise``. The probability is therefore at least ½, and exact
    only without error. Annotators and flips are not used.

    Args:
        world: its temperature must be above 0.
        seed: seed of the draws.
        count: number of pairs; by default the setting ``pairs``.

    Returns:
        Views ``chosen`` and ``rejected``; fields ``chosen_score``, ``rejected_score`` and ``probability``.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world
        >>> pairs = rated_pairs(build_world(Dials(score_noise=1.0), seed=0), seed=0)
        >>> bool((pairs.fields["probability"] >= 0.5).all())
        True
    """
    drawn = sample_pairs(world, seed, count)
    first, second = drawn.views["chosen"], drawn.views["rejected"]
    assert isinstance(first, Rows) and isinstance(second, Rows)
    lead = drawn.fields["margin"]
    scores = torch.stack([drawn.fields["chosen_score"], drawn.fields["rejected_score"]])
    return Examples(
        {
            "chosen": Rows(first.prompt, torch.where(lead > 0, first.response, second.response)),
            "rejected": Rows(first.prompt, torch.where(lead > 0, second.response, first.response)),
        },
        {
            "chosen_score": scores.amax(0),
            "rejected_score": scores.amin(0),
            "probability": torch.sigmoid(lead.abs() / world.dials.temperature),
        },
    )
