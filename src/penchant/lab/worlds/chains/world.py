"""The world of chains: responses of T steps, one token a step, each right or wrong; exact success of a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from penchant.objectives import Objective, Scored
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["Chains", "Sampled", "build_chains", "fit_pairs", "fit_reward", "sample_pairs"]


@dataclass(frozen=True)
class Sampled:
    """R responses and what a policy table says of them.

    Args:
        prompt: [R] indices of the prompts.
        tokens: [R, T].
        on_track: [R, T] whether all steps before were right, 0 or 1.
    """

    prompt: Tensor
    tokens: Tensor
    on_track: Tensor

    def chosen(self, table: Tensor) -> Tensor:
        """The entries [R, T] of a table [X, T, 2, V] at these tokens."""
        place = torch.arange(self.tokens.shape[1])
        return table[self.prompt.unsqueeze(1), place, self.on_track, self.tokens]


@dataclass(frozen=True)
class Chains:
    """X prompts whose right response has T tokens; a policy knows the prompt, the place, and whether it is on track.

    Args:
        reference: [X, T, 2, V] log-probabilities; the second of the two is that on track.
        right: [X, T] the right tokens.
    """

    reference: Tensor
    right: Tensor

    def sample(
        self, policy: Tensor, prompt: Tensor, generator: torch.Generator, roll_in: Tensor | None = None
    ) -> Sampled:
        """Draw one response for each prompt.

        Args:
            policy: [X, T, 2, V] log-probabilities.
            prompt: [R].
            generator: of the draws.
            roll_in: [R] number of tokens that are those of the right response.
        """
        length = self.right.shape[1]
        given = torch.zeros_like(prompt) if roll_in is None else roll_in
        track = torch.ones_like(prompt)
        tokens, tracks = [], []
        for place in range(length):
            drawn = torch.multinomial(policy[prompt, place, track].exp(), 1, generator=generator).squeeze(1)
            right = self.right[prompt, place]
            drawn = torch.where(place < given, right, drawn)
            tokens.append(drawn)
            tracks.append(track)
            track = track * (drawn == right).long()
        return Sampled(prompt, torch.stack(tokens, 1), torch.stack(tracks, 1))

    def steps_right(self, sampled: Sampled) -> Tensor:
        """The share [R] of the steps before the first wrong one; 1 if all are right."""
        return (sampled.on_track[:, 1:].sum(-1) + self.succeeded(sampled)) / self.right.shape[1]

    def succeeded(self, sampled: Sampled) -> Tensor:
        """Whether all steps of each response are right, [R], 0 or 1."""
        last = sampled.tokens[:, -1] == self.right[sampled.prompt, -1]
        return (sampled.on_track[:, -1] * last).double()

    def _right(self, policy: Tensor) -> Tensor:
        """The probability [X, T] of a right step after right ones."""
        prompts, length = self.right.shape
        rows, places = torch.arange(prompts).unsqueeze(1), torch.arange(length)
        return policy[rows, places, 1, self.right].exp().detach()

    def success(self, policy: Tensor) -> float:
        """The probability that a response is right as a whole, over the prompts."""
        return float(self._right(policy).prod(-1).mean())

    def expected_steps(self, policy: Tensor) -> float:
        """The expected share of right steps before the first wrong one, over the prompts."""
        return float(self._right(policy).cumprod(-1).mean())

    def states(self, sampled: Sampled) -> Tensor:
        """A state for each token that names prompt, place and track, so that a linear critic is a table, [R, T, D]."""
        prompts, length = self.right.shape
        place = torch.arange(length)
        number = (sampled.prompt.unsqueeze(1) * length + place) * 2 + sampled.on_track
        return torch.nn.functional.one_hot(number, prompts * length * 2).double()

    def view(self, sampled: Sampled, policy: Tensor, mask: Tensor | None = None, **more: Any) -> Scored:
        """The responses under a policy and the reference.

        Args:
            sampled: the responses.
            policy: [X, T, 2, V] log-probabilities, with gradient.
            mask: [R, T] tokens that the policy wrote; all by default.
            more: further parts of the view.
        """
        own = sampled.chosen(policy)
        every = torch.ones_like(own, dtype=torch.bool) if mask is None else mask
        return Scored(own, sampled.chosen(self.reference), every, **more)


def build_chains(seed: int, *, prompts: int = 4, length: int = 5, tokens: int = 4, spread: float = 0.5) -> Chains:
    """Draw a world.

    Args:
        seed: of all draws.
        prompts: X.
        length: T, steps of a response.
        tokens: V.
        spread: standard deviation of the reference's logits.

    Example:
        >>> world = build_chains(0)
        >>> 0 < world.success(world.reference) < world.expected_steps(world.reference) < 1
        True
    """
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(prompts, length, 2, tokens, generator=generator, dtype=torch.float64)
    right = torch.randint(tokens, (prompts, length), generator=generator)
    return Chains(logits.log_softmax(-1), right)


def sample_pairs(world: Chains, count: int, seed: int, *, flips: float = 0.0) -> tuple[Sampled, Sampled]:
    """Pairs of responses of the reference; the one with more right steps is chosen.

    Args:
        world: the world.
        count: pairs; those with equal rewards are left out.
        seed: of the draws.
        flips: probability that a pair is turned round.

    Returns:
        Chosen and rejected responses.
    """
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(len(world.right), (count,), generator=generator)
    both = [world.sample(world.reference, prompt, generator) for _ in range(2)]
    gap = world.steps_right(both[0]) - world.steps_right(both[1])
    first = (gap > 0) ^ (torch.rand(count, generator=generator) < flips)
    kept = gap != 0

    def take(side: Tensor) -> Sampled:
        def pick(name: str) -> Tensor:
            one, other = (getattr(each, name) for each in both)
            shape = side if one.dim() == 1 else side.unsqueeze(1)
            return torch.where(shape, one, other)[kept]

        return Sampled(prompt[kept], pick("tokens"), pick("on_track"))

    return take(first), take(~first)


def fit_pairs(
    world: Chains,
    objective: Objective,
    pairs: tuple[Sampled, Sampled],
    *,
    steps: int = 200,
    learning_rate: float = 0.05,
) -> Tensor:
    """Train a policy table on pairs, all at once, by Adam.

    Args:
        world: the world.
        objective: pairwise.
        pairs: chosen and rejected responses.
        steps: of the optimizer.
        learning_rate: of Adam.

    Returns:
        [X, T, 2, V] log-probabilities.
    """
    logits = world.reference.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=learning_rate)
    for _ in range(steps):
        chosen, rejected = (world.view(each, logits.log_softmax(-1)) for each in pairs)
        optimizer.zero_grad()
        objective(chosen=chosen, rejected=rejected).values.mean().backward()
        optimizer.step()
    return logits.log_softmax(-1).detach()


def fit_reward(
    world: Chains, pairs: tuple[Sampled, Sampled], *, decay: float = 0.01, steps: int = 300, learning_rate: float = 0.05
) -> Tensor:
    """A Bradley-Terry reward model that adds up a number for each step, [X, T, 2, V].

    Args:
        world: the world.
        pairs: chosen and rejected responses.
        decay: weight of the squares of its numbers.
        steps: of the optimizer.
        learning_rate: of Adam.
    """
    table = torch.zeros_like(world.reference).requires_grad_()
    optimizer = torch.optim.Adam([table], lr=learning_rate)
    for _ in range(steps):
        margin = pairs[0].chosen(table).sum(-1) - pairs[1].chosen(table).sum(-1)
        optimizer.zero_grad()
        (-logsigmoid(margin).mean() + decay * table.square().sum() / len(margin)).backward()
        optimizer.step()
    return table.detach()
