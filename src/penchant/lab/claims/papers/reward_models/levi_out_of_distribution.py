"""LEVI where a mark that told the label in training tells nothing."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.skills import Skills, draw_skills
from penchant.rewards.layered.features import Read
from penchant.rewards.layered.fitting import LayeredSettings, fit_labels

__all__ = ["ReachesBeyondTraining"]

#: Share of texts whose mark agrees with the label.
TRAINED, ELSEWHERE = 0.95, 0.5
LEVI = LayeredSettings(epochs=60, learning_rate=1e-2, small=8)
PROBE = LayeredSettings(epochs=60, learning_rate=3e-2, small=0, hidden=0)
#: Passes and rate of fine-tuning.
EPOCHS, RATE = 30, 1e-3
Texts = tuple[Tensor, Tensor]  # [n, T] tokens, [n] labels


class ReachesBeyondTraining(Claim):
    """Texts of words of two kinds, with a mark that agrees with the majority nearly always in training."""

    id = "levi-out-of-distribution"
    paper = "arXiv:2402.04644"
    sentence = (
        "A tiny Llama knows of which kind each of 24 words is. Texts of three words are labelled by the majority; "
        "a mark agrees with the label in 95 % of the training texts. Where it agrees in 50 %, LEVI is more accurate "
        "than fine-tuning and than a linear probe, and where it agrees in 95 %, at most one point less than "
        "fine-tuning."
    )
    measures = ("levi",)
    world = "Skills with two answers: 24 words, 400 texts for training, 500 for each test, a Llama of 2 layers"
    quantity = "accuracy, 0 to 1"
    contrasts = (
        Contrast("levi, elsewhere", "fine-tuning, elsewhere", smallest=0.02),
        Contrast("levi, elsewhere", "linear probe, elsewhere", smallest=0.02),
        Contrast("levi, as trained", "fine-tuning, as trained", not_worse_by=0.01),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "Rates and epochs of all three are chosen on the tuning seeds by the accuracy elsewhere. The last layer has "
        "the kinds of the words nearly alone, so a linear probe needs no other view."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """All three read the same texts; the heads stand on both layers."""
        skills = draw_skills(seed, skills=("a", "m", "n"), keys=24, values=2)
        train, *tests = (
            _texts(skills, count, share, f"{seed}/{part}")
            for part, (count, share) in enumerate(((400, TRAINED), (500, TRAINED), (500, ELSEWHERE)))
        )
        arms = {}
        for method, fitted in {"levi": _levi, "linear probe": _probe, "fine-tuning": _tuned}.items():
            score = fitted(skills, train)
            for name, (texts, labels) in zip(("as trained", "elsewhere"), tests, strict=True):
                arms[f"{method}, {name}"] = float(((score(texts) > 0) == (labels > 0.5)).double().mean())
        return arms


def _texts(skills: Skills, count: int, share: float, seed: str) -> Texts:
    """Three words, two of the label's kind, and a mark at a random place."""
    draw, rows = random.Random(seed), [each.views["chosen"][0] for each in skills.tables["a"]]
    kinds: dict[int, list[int]] = {}
    for row in rows:
        kinds.setdefault(row.response[0], []).append(row.prompt[-1])
    first, second = (kinds[each] for each in sorted(kinds))
    marks = [skills.tables[each][0].views["chosen"][0].prompt[1] for each in "mn"]
    texts, labels = [], []
    for _number in range(count):
        label = draw.random() < 0.5
        most, least = (second, first) if label else (first, second)
        words = [draw.choice(most), draw.choice(most), draw.choice(least)]
        draw.shuffle(words)
        agrees = draw.random() < share
        words.insert(draw.randrange(4), marks[agrees == label])
        texts.append([*rows[0].prompt[:2], *words])
        labels.append(float(label))
    return torch.tensor(texts), torch.tensor(labels)


def _read(network: Any, texts: Tensor, layers: tuple[int, ...]) -> Read:
    with torch.no_grad():
        states = network.base_model(texts, output_hidden_states=True).hidden_states
    own = (torch.arange(texts.shape[1]) >= 2).expand_as(texts)
    return Read(torch.stack([states[each][:, 2:].mean(1) for each in layers], 1), texts, own, torch.ones_like(own))


def _heads(
    skills: Skills, train: Texts, settings: LayeredSettings, layers: tuple[int, ...]
) -> Callable[[Tensor], Tensor]:
    network: Any = skills.network
    ensemble = fit_labels(_read(network, train[0], layers), train[1], network.config.vocab_size, settings)
    return lambda texts: ensemble.scores(_read(network, texts, layers))


def _levi(skills: Skills, train: Texts) -> Callable[[Tensor], Tensor]:
    return _heads(skills, train, LEVI, (1, 2))


def _probe(skills: Skills, train: Texts) -> Callable[[Tensor], Tensor]:
    return _heads(skills, train, PROBE, (2,))


def _tuned(skills: Skills, train: Texts) -> Callable[[Tensor], Tensor]:
    """All weights, and a linear head on the mean of the last states."""
    network: Any = copy.deepcopy(skills.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(skills.seed)
        head = nn.Linear(network.config.hidden_size, 1)

        def score(texts: Tensor) -> Tensor:
            found: Tensor = head(network.base_model(texts)[0][:, 2:].mean(1))
            return found[:, 0]

        optimizer = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=RATE, weight_decay=0.01)
        for _epoch in range(EPOCHS):
            for places in torch.randperm(len(train[0])).split(32):
                optimizer.zero_grad()
                loss = nn.functional.binary_cross_entropy_with_logits(score(train[0][places]), train[1][places])
                loss.backward()
                optimizer.step()
    return score
