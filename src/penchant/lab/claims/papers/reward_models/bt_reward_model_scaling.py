"""WorldPM: which losses of a reward model fall with votes, and which with its size."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.curation.votes_to_pairs import VotesToPairs
from penchant.evaluation.power_law import power_law
from penchant.feedback import read
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import with_states
from penchant.objectives import Objective, build

__all__ = ["VotesScale"]

_WIDTH, _SIZES, _SEEN, _TEST = 16, (200, 400, 800, 1600, 3200), (4, 8, 16), 2000


class VotesScale(Claim):
    """Votes follow the quality of an answer and its style; the model sees the first features and the style.

    The sets: objective, the better answer; adversarial, the better answer where style favours the other one;
    subjective, answers of which each of many people prefers either one.
    """

    id = "bt-reward-model-scaling"
    paper = "arXiv:2505.10527"
    sentence = (
        "The Bradley–Terry loss of a reward model trained once on pairs of a forum's votes falls as a power of their "
        "number and of the size of the model where one answer is better, less where style misleads, and not where "
        "people disagree."
    )
    methods = ("bt-reward-model",)
    world = (
        f"posts with two answers of {_WIDTH} features; {_SIZES[0]} to {_SIZES[-1]} pairs with a gap of two votes or "
        f"more; models that see {', '.join(map(str, _SEEN))} features"
    )
    quantity = f"exponent α of the loss on {_TEST} pairs, over the pairs or over the features that the model sees"
    contrasts = (
        Contrast("objective, pairs", "subjective, pairs", smallest=0.05),
        Contrast("adversarial, pairs", "subjective, pairs", smallest=0.05),
        Contrast("objective, features", "subjective, features", smallest=0.1),
    )
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """A linear head, one pass over the pairs by Adam; both exponents by regression of logarithms."""
        torch.manual_seed(seed)  # of the heads
        generator = torch.Generator().manual_seed(seed)
        truth = torch.randn(_WIDTH, generator=generator, dtype=torch.float64)
        truth = truth / truth.norm() * 1.5
        answers = torch.randn(3 * _SIZES[-1], 2, _WIDTH + 1, generator=generator, dtype=torch.float64)
        pairs = _voted(answers, answers[..., :-1] @ truth + 0.7 * answers[..., -1], generator)
        sets = _sets(truth, generator)
        losses: dict[tuple[str, int, int], float] = {}
        for count, seen in [(count, _WIDTH) for count in _SIZES] + [(_SIZES[-1], seen) for seen in _SEEN[:-1]]:
            better, worse = (_visible(each[:count], seen) for each in pairs)
            head = _one_pass(better, worse)
            for name, (one, two) in sets.items():
                views = {"chosen": with_states(_visible(one, seen)), "rejected": with_states(_visible(two, seen))}
                losses[name, count, seen] = head(**views).values.mean().item()
        found = {}
        for name in sets:
            over_pairs = [losses[name, count, _WIDTH] for count in _SIZES]
            found[f"{name}, pairs"] = power_law(_SIZES, over_pairs).exponent
            over_seen = [losses[name, _SIZES[-1], seen] for seen in _SEEN]
            found[f"{name}, features"] = power_law(_SEEN, over_seen).exponent
        return found


def _one_pass(better: Tensor, worse: Tensor) -> Objective:
    """A head after one pass in steps of 20 pairs."""
    head = build("bt")
    head.bind(better.shape[1])
    head.double()
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    for one, two in zip(better.split(20), worse.split(20), strict=True):
        optimizer.zero_grad()
        head(chosen=with_states(one), rejected=with_states(two)).values.mean().backward()
        optimizer.step()
    return head


def _voted(answers: Tensor, value: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The features of more and of less voted answers, as the builder ``votes`` pairs them."""
    votes = torch.poisson(4 * torch.exp(value / 2), generator=generator)
    posts = [
        {"prompt": str(place), "completions": ["0", "1"], "scores": [float(each) for each in own]}
        for place, own in enumerate(votes)
    ]
    rows = VotesToPairs(gap=2).build(read(posts)).rows
    place = torch.tensor([int(row["prompt"]) for row in rows])
    better, worse = (torch.tensor([int(row[side]) for row in rows]) for side in ("chosen", "rejected"))
    return answers[place, better], answers[place, worse]


def _sets(truth: Tensor, generator: torch.Generator) -> dict[str, tuple[Tensor, Tensor]]:
    one, two = torch.randn(2, 4 * _TEST, _WIDTH + 1, generator=generator, dtype=torch.float64)
    wins = (one - two)[:, :-1] @ truth > 0
    better, worse = torch.where(wins[:, None], one, two), torch.where(wins[:, None], two, one)
    misled = better[:, -1] < worse[:, -1]
    return {
        "objective": (better[:_TEST], worse[:_TEST]),
        "adversarial": (better[misled][:_TEST], worse[misled][:_TEST]),
        "subjective": (one[:_TEST], two[:_TEST]),  # either order is as likely
    }


def _visible(features: Tensor, seen: int) -> Tensor:
    """The first features and the style."""
    return torch.cat([features[:, :seen], features[:, -1:]], dim=1)
