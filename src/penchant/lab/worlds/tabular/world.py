"""World: a tabular world, with finite prompts and responses and known reward, preferences and reference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.lab.worlds.registry import WORLDS
from penchant.lab.worlds.tabular.dials import Dials

__all__ = ["World", "build_world"]


@WORLDS.register("tabular")
@dataclass(frozen=True, eq=False)
class World:
    """X prompts with K possible responses each, as tables in float64.

    The log-probability of a response is distributed over its tokens by fixed ``shares``, so that its token
    log-probabilities sum to it. (Responses have no common prefix.)

    Args:
        dials: its settings.
        reward: [X, K] the true reward; in a world with cycles, only the transitive part of the preferences.
        preference: [X, K, K] the true probability that the first response is preferred to the second.
        reference: [X, K] log-probabilities of the reference policy, nats.
        behaviour: [X, K] probability of each response in the data; 0 for unseen ones.
        lengths: [X, K] number of tokens.
        shares: [X, K, T] share of the response's log-probability per token; 0 after its end.
        features: [X, K, D]; D = 0 without features.

    Example:
        >>> world = build_world(Dials(prompts=2, responses=3), seed=0)
        >>> world.reward.shape, bool((world.preference + world.preference.mT == 1).all())
        (torch.Size([2, 3]), True)
    """

    dials: Dials
    reward: Tensor
    preference: Tensor
    reference: Tensor
    behaviour: Tensor
    lengths: Tensor
    shares: Tensor
    features: Tensor

    @property
    def mask(self) -> Tensor:
        """[X, K, T] bool, true at the tokens of each response."""
        return torch.arange(self.shares.shape[-1]) < self.lengths.unsqueeze(-1)

    def labels(self, flips: float | None = None) -> Tensor:
        """The probability that an annotator prefers the first response, including label errors.

        P'(i ≻ j) = (1 − ε) σ(logit P(i ≻ j) + bias (|y_i| − |y_j|)) + ε (1 − the same)

        Args:
            flips: ε of the annotator; by default the mean over all annotators.

        Returns:
            [X, K, K].
        """
        if flips is None:
            all_flips = self.dials.annotators or (self.dials.flips,)
            flips = sum(all_flips) / len(all_flips)
        seen = self.preference
        if self.dials.length_bias:
            longer = (self.lengths.unsqueeze(-1) - self.lengths.unsqueeze(-2)).double()
            seen = torch.sigmoid(torch.logit(seen) + self.dials.length_bias * longer)
        return (1 - flips) * seen + flips * (1 - seen)


def build_world(dials: Dials, seed: int) -> World:
    """Draw a world.

    Args:
        dials: its settings.
        seed: seed of all random draws; the same seed gives the same world.

    Returns:
        The world.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (dials.prompts, dials.responses)

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, dtype=torch.float64)

    own, common = normal(*shape, dials.features), normal(dials.prompts, 1, dials.features)
    features = math.sqrt(1 - dials.similarity) * own + math.sqrt(dials.similarity) * common
    features = features / math.sqrt(max(dials.features, 1))
    reward = _scaled(features @ normal(dials.features) if dials.features else normal(*shape), dials.reward_scale)
    reference = (dials.reference_spread * normal(*shape) + dials.reference_skill * reward).log_softmax(-1)
    lengths = torch.randint(dials.shortest, dials.longest + 1, shape, generator=generator)
    return World(
        dials=dials,
        reward=reward,
        preference=_preferences(dials, reward, generator),
        reference=reference,
        behaviour=_behaviour(dials, reference, generator),
        lengths=lengths,
        shares=_shares(dials, lengths, generator),
        features=features,
    )


def _scaled(reward: Tensor, scale: float) -> Tensor:
    """The rewards, centred per prompt and scaled to a fixed spread for any similarity of the features."""
    centred = reward - reward.mean(-1, keepdim=True)
    return scale * centred / centred.square().mean().sqrt()


def _preferences(dials: Dials, reward: Tensor, generator: torch.Generator) -> Tensor:
    lead = reward.unsqueeze(-1) - reward.unsqueeze(-2)
    if dials.cycles:
        # Almost even positions on a circle: each response beats those less than half a turn behind it.
        places = torch.rand(reward.shape, generator=generator, dtype=torch.float64).argsort(-1).double()
        jitter = 0.4 * torch.rand(reward.shape, generator=generator, dtype=torch.float64) - 0.2
        angle = 2 * math.pi * (places + jitter) / dials.responses
        circle = 2 * dials.reward_scale * torch.sin(angle.unsqueeze(-1) - angle.unsqueeze(-2))
        lead = (1 - dials.cycles) * lead + dials.cycles * circle
    if dials.temperature == 0:
        return 0.5 + 0.5 * torch.sign(lead)
    # The lower triangle is the complement of the upper one, so that P + Pᵀ is exactly 1.
    upper = torch.sigmoid(lead / dials.temperature).triu(1)
    return upper + (1 - upper.mT).tril(-1) + 0.5 * torch.eye(dials.responses, dtype=torch.float64)


def _behaviour(dials: Dials, reference: Tensor, generator: torch.Generator) -> Tensor:
    hidden = min(int(dials.unseen * dials.responses), dials.responses - 2)
    order = torch.rand(reference.shape, generator=generator, dtype=torch.float64).argsort(-1)
    return (dials.concentration * reference).masked_fill(order < hidden, -math.inf).softmax(-1)


def _shares(dials: Dials, lengths: Tensor, generator: torch.Generator) -> Tensor:
    size = (*lengths.shape, dials.longest)
    draw = -torch.rand(size, generator=generator, dtype=torch.float64).clamp(min=1e-12).log()
    weight = (1 - dials.uneven) + dials.uneven * draw
    weight = weight * (torch.arange(dials.longest) < lengths.unsqueeze(-1))
    return weight / weight.sum(-1, keepdim=True)
