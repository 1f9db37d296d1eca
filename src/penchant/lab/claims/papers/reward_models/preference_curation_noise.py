"""Curation of preferences where 30 % of the labels are wrong."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.curation.agreed_pairs import verdict
from penchant.curation.curation_round import nearest, neighbours_wanted
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import by_choice, fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import Objective, build

__all__ = ["CurationUnderNoise"]

_WIDTH = 32


class CurationUnderNoise(Claim):
    """Quality is linear in random states; three judges are right in four of five answers."""

    id = "preference-curation-noise"
    paper = "arXiv:2507.01352"
    sentence = (
        "Where 30 % of the labels are wrong, a Bradley-Terry reward model orders other pairs better if the comparisons "
        "are curated first: labelled by votes near the verified ones that it has wrong, then kept, relabelled or "
        "flipped where it agrees with the model of the verified comparisons."
    )
    measures = ("preference-curation",)
    methods = ("bt-reward-model",)
    world = "1,000 pairs with 32 random features, of which 30 % have a wrong label, and 150 verified ones"
    quantity = "accuracy on 4,000 other pairs"
    contrasts = (
        Contrast("curated", "all labels", smallest=0.01),
        Contrast("curated", "verified and all labels", smallest=0.01),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Four rounds of the first phase, then the second; each model has 150 steps."""
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        truth = torch.nn.functional.normalize(torch.randn(_WIDTH, generator=generator, dtype=torch.float64), dim=0)
        gold, pool, test = (_better_first(generator, truth, count) for count in (150, 1000, 4000))
        right = torch.rand(1000, generator=generator) > 0.3
        noisy = by_choice(right, *pool)
        votes = (torch.rand(1000, 3, generator=generator) < 0.8).sum(-1) > 1
        voted = by_choice(votes, *pool)
        gold_model, best = _fitted(gold), _fitted(gold)
        of_gold, of_pool = (torch.nn.functional.normalize(one - other, dim=1).numpy() for one, other in (gold, noisy))
        found: set[int] = set()
        for _round in range(4):
            wanted = [neighbours_wanted(p) for p in _said(best, gold).tolist()]
            found |= {place for own in nearest(of_gold, of_pool, wanted) for place in own}
            best = _fitted(gold, _rows(voted, sorted(found)))
        said = zip(_said(best, noisy).tolist(), _said(gold_model, noisy).tolist(), strict=True)
        verdicts = [verdict(*both) for both in said]
        # The judges' vote confirms the label of a comparison where both are right or both are wrong.
        confirmed = (votes == right).tolist()
        kept = [at for at, each in enumerate(verdicts) if each == "keep" or (each == "relabel" and confirmed[at])]
        turned = [at for at, each in enumerate(verdicts) if each == "flip"]
        flips = _rows(noisy, turned)
        arms = {
            "curated": _fitted(gold, _rows(noisy, kept), (flips[1], flips[0])),
            "all labels": _fitted(noisy),
            "verified and all labels": _fitted(gold, noisy),
        }
        return {name: pair_accuracy(model, *test) for name, model in arms.items()}


Pairs = tuple[Tensor, Tensor]


def _better_first(generator: torch.Generator, truth: Tensor, count: int) -> Pairs:
    first, second = random_pairs(generator, count, _WIDTH)
    return by_choice(first @ truth > second @ truth, first, second)


def _rows(pairs: Pairs, places: list[int]) -> Pairs:
    return pairs[0][places], pairs[1][places]


def _fitted(*parts: Pairs) -> Objective:
    """A reward model of all these pairs."""
    good, bad = (torch.cat(side) for side in zip(*parts, strict=True))
    return fit_head(build("bt"), {"chosen": with_states(good), "rejected": with_states(bad)}, _WIDTH, steps=150)


def _said(model: Objective, pairs: Pairs) -> Tensor:
    """The probability of the label of each pair."""
    good, bad = (model.rewards(with_states(side)) for side in pairs)
    assert good is not None and bad is not None
    return torch.sigmoid(good - bad).detach().flatten()
