"""Pairs labelled by a judge's ratings instead of by annotators: graded scores with their probabilities."""

from __future__ import annotations

import torch

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import sample_pairs
from penchant.lab.worlds.tabular.world import World

__all__ = ["rated_pairs"]


def rated_pairs(world: World, seed: int, count: int | None = None) -> Examples:
    """Pairs of responses that the data shows, of which the better rated one is chosen.

    probability = σ((score_chosen − score_rejected) / temperature)

    A rating is the true reward with the error of the dial ``score_noise``; so the probability is at least ½, and true
    only where there is no error. Annotators' labels and their flips play no part.

    Args:
        world: its temperature must be above 0.
        seed: of what is drawn.
        count: by default the dial ``pairs``.

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
