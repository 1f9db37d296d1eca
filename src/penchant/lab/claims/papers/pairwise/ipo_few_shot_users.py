"""FSPO: a few comparisons of a user in the prompt, for users whom the policy has not seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from penchant.curation.few_shot import FewShot
from penchant.feedback import read
from penchant.lab.claims import Claim, Contrast
from penchant.objectives import Scored, build

__all__ = ["FewShotUsers"]

_WIDTH, _RESPONSES, _USERS, _PAIRS, _CHOICES = 5, 200, 60, 20, 8


class FewShotUsers(Claim):
    """A log-linear policy whose weights are linear in the mean difference of the pairs that its prompt shows.

    The prompts are those that the builder ``few-shot`` writes; the policy reads the names of responses in them. Linear
    attention over the examples computes the same.
    """

    id = "ipo-few-shot-users"
    paper = "arXiv:2502.19312"
    sentence = (
        "A policy trained on prompts that show a few comparisons of the same user predicts the preferences of users "
        "whom it has not seen better than one without examples, and better with eight examples than with two; the "
        "examples of other users do not help."
    )
    methods = ("ipo",)
    world = (
        f"{_USERS} users with {_PAIRS} labelled pairs each, of {_RESPONSES} responses with {_WIDTH} features; a taste "
        "is one that all share plus one of the user's own"
    )
    quantity = "accuracy on pairs of 200 other users, by the true reward"
    contrasts = (
        Contrast("two examples", "no examples", smallest=0.03),
        Contrast("eight examples", "two examples", smallest=0.03),
        Contrast("eight examples", "eight examples of another user", smallest=0.1),
    )
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """IPO on sums with β = 0.1; 300 steps of Adam over all rows."""
        generator = torch.Generator().manual_seed(seed)
        features = torch.randn(_RESPONSES, _WIDTH, generator=generator, dtype=torch.float64)
        shared = torch.randn(_WIDTH, generator=generator, dtype=torch.float64)
        tastes = shared / 2 + torch.randn(_USERS + 200, _WIDTH, generator=generator, dtype=torch.float64)
        rewards = tastes @ features.T
        pairs = _pairs(rewards, generator)
        known, new = pairs[: _USERS * _PAIRS], pairs[_USERS * _PAIRS :]
        found = {}
        for name, shots in (("no examples", 0), ("two examples", 2), ("eight examples", 8)):
            learned = _fit(features, _few(known, shots, seed), seed)
            asked = _few(new, shots, seed, repeats=1)
            found[name] = _accuracy(features, learned, asked, rewards)
            if shots == 8:
                # The prompt of the next user, whose taste is independent.
                mixed = [{**row, "prompt": asked[place - len(asked) // 2]["prompt"]} for place, row in enumerate(asked)]
                found["eight examples of another user"] = _accuracy(features, learned, mixed, rewards)
        return found


def _pairs(rewards: Tensor, generator: torch.Generator) -> list[dict[str, str]]:
    """Twenty pairs of each user, labelled by Bradley and Terry."""
    found = []
    for user, own in enumerate(rewards):
        for number in range(_PAIRS):
            one, two = torch.randperm(_RESPONSES, generator=generator)[:2].tolist()
            wins = torch.rand((), generator=generator, dtype=torch.float64) < torch.sigmoid(2 * (own[one] - own[two]))
            better, worse = (one, two) if wins else (two, one)
            row = {"prompt": f"q{number}", "chosen": f"r{better}", "rejected": f"r{worse}", "annotator": str(user)}
            found.append(row)
    return found


def _few(rows: list[dict[str, str]], shots: int, seed: int, repeats: int | None = None) -> list[dict[str, str]]:
    return list(FewShot(shots=shots, repeats=repeats, seed=seed).build(read(rows)).rows)


def _named(texts: Sequence[str]) -> Tensor:
    return torch.tensor([int(text.removeprefix("r")) for text in texts])


def _shown(features: Tensor, rows: Sequence[Mapping[str, str]]) -> Tensor:
    """[R, D + 1] the mean difference of the pairs in each prompt, and 1."""
    found = []
    for row in rows:
        chosen = _named(re.findall(r"^Preferred: (r\d+)$", row["prompt"], re.MULTILINE))
        rejected = _named(re.findall(r"^Not preferred: (r\d+)$", row["prompt"], re.MULTILINE))
        mean = (features[chosen] - features[rejected]).mean(0) if len(chosen) else features.new_zeros(_WIDTH)
        found.append(torch.cat([mean, mean.new_ones(1)]))
    return torch.stack(found)


def _fit(features: Tensor, rows: Sequence[Mapping[str, str]], seed: int) -> Tensor:
    """[D + 1, D] the policy's matrix M: π(y | x) ∝ exp(g(x)ᵀ M f(y)) over the pair and further responses."""
    generator = torch.Generator().manual_seed(seed)
    shown = _shown(features, rows)
    sides = {side: _named([row[side] for row in rows]) for side in ("chosen", "rejected")}
    others = torch.randint(_RESPONSES, (len(rows), _CHOICES - 2), generator=generator)
    choices = torch.cat([*(each[:, None] for each in sides.values()), others], dim=1)
    reference = features.new_full((len(rows), 1), 1 / _CHOICES).log()
    mask = torch.ones(len(rows), 1, dtype=torch.bool)
    learned = features.new_zeros(_WIDTH + 1, _WIDTH).requires_grad_()
    objective, optimizer = build("ipo", beta=0.1, average_log_prob=False), torch.optim.Adam([learned], lr=0.1)
    for _ in range(300):
        logp = torch.einsum("rg,gd,rkd->rk", shown, learned, features[choices]).log_softmax(1)
        views = {side: Scored(logp[:, [place]], reference, mask) for place, side in enumerate(sides)}
        optimizer.zero_grad()
        objective(**views).values.mean().backward()
        optimizer.step()
    return learned.detach()


def _accuracy(features: Tensor, learned: Tensor, rows: Sequence[Mapping[str, str]], rewards: Tensor) -> float:
    users = torch.tensor([int(row["annotator"]) for row in rows])
    sides = [_named([row[side] for row in rows]) for side in ("chosen", "rejected")]
    weights = _shown(features, rows) @ learned
    said = ((features[sides[0]] - features[sides[1]]) * weights).sum(1)
    truth = rewards[users, sides[0]] - rewards[users, sides[1]]
    return float((said * truth > 0).double().mean())
