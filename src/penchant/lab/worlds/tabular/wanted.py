"""Lists of one wanted response among random others, as in recommendation."""

from __future__ import annotations

import torch

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.policies import Policy, log_probabilities
from penchant.lab.worlds.tabular.world import World

__all__ = ["best_probability", "sample_wanted"]


def sample_wanted(world: World, seed: int, count: int, negatives: int) -> Examples:
    """One response that a user picked by its reward, and others drawn at random: view ``responses``, field ``ranks``.

    P(picked = y) ∝ exp(r_y / temperature);   the negatives are uniform over the other responses. The picks of a seed
    are the same for every number of negatives.

    Args:
        world: the world of the examples.
        seed: seed of the draws.
        count: B, number of lists.
        negatives: N, different responses beside the picked one.

    Returns:
        B lists of 1 + N responses; ``ranks`` are 1 for the picked one, 2 for the others; ``relevance`` 1 and 0.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world
        >>> sample_wanted(build_world(Dials(), seed=0), seed=0, count=2, negatives=2).fields["ranks"].tolist()
        [1.0, 2.0, 2.0, 1.0, 2.0, 2.0]
    """
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(world.dials.prompts, (count,), generator=generator)
    liked = (world.reward / max(world.dials.temperature, 1e-9)).softmax(-1)[prompt]
    picked = torch.multinomial(liked, 1, generator=generator)
    order = torch.rand(count, world.dials.responses, generator=generator).scatter(1, picked, 2.0).argsort(-1)
    response = torch.cat([picked, order[:, :negatives]], dim=1)
    group = torch.arange(count).repeat_interleave(1 + negatives)
    first = torch.zeros(count, 1 + negatives, dtype=torch.float64)
    first[:, 0] = 1
    fields = {"ranks": 2 - first.flatten(), "relevance": first.flatten()}
    return Examples({"responses": Rows(prompt.repeat_interleave(1 + negatives), response.flatten(), group)}, fields)


def best_probability(world: World, policy: Policy | torch.Tensor) -> float:
    """The mean probability of the best response of each prompt.

    Args:
        world: its rewards say which is best.
        policy: the policy, or [X, K] log-probabilities.
    """
    best = world.reward.argmax(-1, keepdim=True)
    return float(log_probabilities(policy).exp().gather(1, best).mean())
