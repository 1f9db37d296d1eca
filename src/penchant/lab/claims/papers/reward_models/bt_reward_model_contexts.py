"""Contexts that say which of two responses is better."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import by_choice, fit_head, random_pairs, with_states
from penchant.objectives import Objective, build

__all__ = ["ContextDecides"]

_WIDTH, _KINDS, _CONTEXTS, _PAIRS = 6, 3, 30, 20


class ContextDecides(Claim):
    """The true reward is linear in the features of a response, with weights that are linear in those of the context."""

    id = "bt-reward-model-contexts"
    paper = "arXiv:2407.14916"
    sentence = (
        "A reward model that reads the context ranks pairs in contexts that it was not trained on, where one that does "
        "not read it is no better than a guess on pairs whose order the context reverses; contexts of other pairs do "
        "not help."
    )
    methods = ("bt-reward-model",)
    world = f"{_CONTEXTS} contexts with {_PAIRS} labelled pairs each, responses of {_WIDTH} features"
    quantity = "accuracy on both members of 1,000 pairs of responses whose order two new contexts reverse"
    contrasts = (
        Contrast("context read", "context not read", smallest=0.1),
        Contrast("context read", "contexts of other pairs", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """A head on the features of the response, alone or multiplied with those of the context; 300 steps each."""
        generator = torch.Generator().manual_seed(seed)
        weights = torch.randn(_KINDS, _WIDTH, generator=generator, dtype=torch.float64)
        contexts = torch.randn(_CONTEXTS, _KINDS, generator=generator, dtype=torch.float64).repeat_interleave(_PAIRS, 0)
        first, second = random_pairs(generator, len(contexts), _WIDTH)
        chance = torch.sigmoid(((first - second) * (contexts @ weights)).sum(1))
        wins = torch.rand(len(contexts), generator=generator, dtype=torch.float64) < chance
        better, worse = by_choice(wins, first, second)
        mixed = contexts[torch.randperm(len(contexts), generator=generator)]
        new = torch.randn(20_000, 2, _KINDS, generator=generator, dtype=torch.float64)
        one, two = random_pairs(generator, len(new), _WIDTH)
        margins = ((one - two)[:, None] * (new @ weights)).sum(2)
        reversed_ = torch.nonzero(margins[:, 0] * margins[:, 1] < 0).flatten()[:1000]
        new, one, two, margins = (each[reversed_] for each in (new, one, two, margins))
        found = {}
        for name, given in (("context read", contexts), ("context not read", None), ("contexts of other pairs", mixed)):
            inputs = {"chosen": with_states(_state(better, given)), "rejected": with_states(_state(worse, given))}
            head = fit_head(build("bt"), inputs, _WIDTH if given is None else _WIDTH * _KINDS)
            right = [
                _margin(head, one, two, None if given is None else new[:, at]) * margins[:, at] > 0 for at in (0, 1)
            ]
            found[name] = float(torch.cat(right).double().mean())
        return found


def _state(features: Tensor, contexts: Tensor | None) -> Tensor:
    return features if contexts is None else (contexts[:, :, None] * features[:, None]).flatten(1)


def _margin(head: Objective, one: Tensor, two: Tensor, contexts: Tensor | None) -> Tensor:
    first, second = (head.rewards(with_states(_state(each, contexts))) for each in (one, two))
    assert first is not None and second is not None
    return first - second
