"""Feedback in a tabular world: pairs, lists, judgements and demonstrations, sampled or exact."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.world import World
from penchant.objectives.functional.advantages import group_advantages

__all__ = ["all_pairs", "pair_examples", "sample_demonstrations", "sample_judgements", "sample_lists", "sample_pairs"]


def _draw(world: World, count: int, each: int, generator: torch.Generator, probabilities: Tensor) -> tuple[Tensor, ...]:
    """Draw ``count`` uniform prompts with ``each`` distinct responses: [count], [count, each]."""
    prompt = torch.randint(world.dials.prompts, (count,), generator=generator)
    return prompt, torch.multinomial(probabilities[prompt], each, replacement=False, generator=generator)


def _scores(world: World, prompt: Tensor, response: Tensor, generator: torch.Generator) -> Tensor:
    """Scores of a judge: the reward plus an error."""
    reward = world.reward[prompt, response]
    noise = torch.randn(reward.shape, generator=generator, dtype=torch.float64)
    return reward + world.dials.score_noise * noise


def pair_examples(
    world: World, prompt: Tensor, chosen: Tensor, rejected: Tensor, *, weight: Tensor | None = None, seed: int = 0
) -> Examples:
    """Pairs with all fields that the world can provide.

    Fields: ``probability`` and ``preference_probability``, the true P(chosen ≻ rejected); ``chosen_score`` and
    ``rejected_score``, the reward with the error of ``score_noise``; ``margin``, their difference; ``chosen_win_rate``
    and ``rejected_win_rate`` against the data's responses; ``record_index``. Views: ``chosen``, ``rejected``, and
    ``gold``, the best response to the prompt in the data.

    Args:
        world: the world of the examples.
        prompt: [B] indices of prompts.
        chosen: [B] indices of the preferred responses.
        rejected: [B] indices of the other responses.
        weight: [B] weights; equal by default.
        seed: seed of the score errors.

    Returns:
        B examples.
    """
    generator = torch.Generator().manual_seed(seed)
    first = _scores(world, prompt, chosen, generator)
    second = _scores(world, prompt, rejected, generator)
    true = world.preference[prompt, chosen, rejected]
    rates = (world.preference * world.behaviour.unsqueeze(-2)).sum(-1)
    best = world.reward.masked_fill(world.behaviour == 0, -torch.inf).argmax(-1)
    views: dict[str, Rows | list[Rows]] = {
        "chosen": Rows(prompt, chosen),
        "rejected": Rows(prompt, rejected),
        "gold": Rows(prompt, best[prompt]),
    }
    fields = {
        "probability": true,
        "preference_probability": true,
        "chosen_score": first,
        "rejected_score": second,
        "margin": first - second,
        "chosen_win_rate": rates[prompt, chosen],
        "rejected_win_rate": rates[prompt, rejected],
        "record_index": torch.arange(len(prompt)),
    }
    return Examples(views, fields, weight)  # type: ignore[arg-type]  # None is filled in


def sample_pairs(world: World, seed: int, count: int | None = None) -> Examples:
    """Pairs of different responses from the data distribution, labelled by annotators with errors.

    Args:
        world: its settings define the annotators and their errors.
        seed: seed of the draws.
        count: number of pairs; by default the setting ``pairs``.

    Returns:
        The fields of `pair_examples`, and ``annotator`` (index) and ``flipped`` (1 if the label was flipped).
    """
    generator = torch.Generator().manual_seed(seed)
    count = world.dials.pairs if count is None else count
    prompt, both = _draw(world, count, 2, generator, world.behaviour)
    first, second = both.unbind(-1)
    flips = torch.tensor(world.dials.annotators or (world.dials.flips,), dtype=torch.float64)
    annotator = torch.randint(len(flips), (count,), generator=generator)
    clean = world.labels(0.0)[prompt, first, second]
    says_first, turned = torch.rand(2, count, generator=generator, dtype=torch.float64)
    flipped = turned < flips[annotator]
    prefers_first = (says_first < clean) ^ flipped
    chosen, rejected = torch.where(prefers_first, first, second), torch.where(prefers_first, second, first)
    return pair_examples(world, prompt, chosen, rejected, seed=seed + 1).with_fields(
        annotator=annotator, flipped=flipped.double()
    )


def all_pairs(world: World, *, proposal: Tensor | None = None, noise: bool = True) -> Examples:
    """Every ordered pair of different responses, weighted by its probability: the limit of infinite data.

    weight = μ(i) μ(j) P(i is called better)

    Args:
        world: the world of the examples.
        proposal: [X, K] probabilities μ of the responses; by default the data distribution.
        noise: whether to include the label errors of the annotators.

    Returns:
        The pairs with positive weight; the weights sum to 1 per prompt.
    """
    given = world.behaviour if proposal is None else proposal
    labels = world.labels() if noise else world.preference
    weight = given.unsqueeze(-1) * given.unsqueeze(-2) * labels
    weight = weight * (1 - torch.eye(world.dials.responses, dtype=torch.float64))
    weight = weight / weight.sum((-1, -2), keepdim=True)
    prompt, chosen, rejected = weight.nonzero().unbind(-1)
    return pair_examples(world, prompt, chosen, rejected, weight=weight[prompt, chosen, rejected])


def sample_lists(world: World, seed: int, count: int = 100, size: int = 4) -> Examples:
    """Prompts with several scored responses: view ``responses``; fields ``scores``, ``ranks``, ``advantage``.

    Rank 1 is the best; advantages are those of the group.

    Args:
        world: the world of the examples.
        seed: seed of the draws.
        count: B, number of prompts drawn.
        size: distinct responses per prompt.

    Returns:
        B examples of ``size`` responses; the fields are [B · size].
    """
    generator = torch.Generator().manual_seed(seed)
    prompt, response = _draw(world, count, size, generator, world.behaviour)
    scores = _scores(world, prompt.unsqueeze(-1), response, generator)
    ranks = scores.argsort(-1, descending=True).argsort(-1) + 1
    group = torch.arange(count).repeat_interleave(size)
    fields = {
        "scores": scores.flatten(),
        "ranks": ranks.flatten().double(),
        "advantage": group_advantages(scores.flatten(), group),
    }
    return Examples({"responses": Rows(prompt.repeat_interleave(size), response.flatten(), group)}, fields)


def sample_judgements(world: World, seed: int, count: int = 400) -> Examples:
    """Single responses labelled good or bad: views ``responses`` and ``mismatched``, field ``label`` (1 or 0).

    P(good) = (1 − ε) σ((r − r̄) / temperature) + ε (1 − the same),   r̄ = mean reward of the data distribution for the
    prompt

    The view ``mismatched`` holds the response of the next example, cyclically, under this example's prompt.

    Args:
        world: the world of the examples.
        seed: seed of the draws.
        count: B.

    Returns:
        B examples.
    """
    generator = torch.Generator().manual_seed(seed)
    prompt, response = _draw(world, count, 1, generator, world.behaviour)
    usual = (world.behaviour * world.reward).sum(-1, keepdim=True)
    lead = (world.reward - usual)[prompt, response.squeeze(-1)]
    temperature = world.dials.temperature
    good = torch.sigmoid(lead / temperature) if temperature else (lead > 0).double()
    good = (1 - world.dials.flips) * good + world.dials.flips * (1 - good)
    label = (torch.rand(count, generator=generator, dtype=torch.float64) < good).double()
    own = response.squeeze(-1)
    return Examples(
        {"responses": Rows(prompt, own), "mismatched": Rows(prompt, own.roll(-1))},
        {"label": label, "score": world.reward[prompt, own], "record_index": torch.arange(count)},
    )


def sample_demonstrations(world: World, seed: int, expert: Tensor, count: int = 400) -> Examples:
    """Demonstrations of an expert: view ``chosen``.

    Args:
        world: the world of the examples.
        seed: seed of the draws.
        expert: [X, K] log-probabilities of the expert's responses.
        count: B.

    Returns:
        B examples.
    """
    generator = torch.Generator().manual_seed(seed)
    prompt, response = _draw(world, count, 1, generator, expert.exp())
    return Examples({"chosen": Rows(prompt, response.squeeze(-1))}, {"record_index": torch.arange(count)})
