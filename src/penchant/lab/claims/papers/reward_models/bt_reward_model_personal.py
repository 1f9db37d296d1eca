"""DesignPref: a judge for each person beside one of the majority."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import torch
from torch import Tensor

from penchant.curation.people.majority import Majority
from penchant.feedback import read
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import by_choice, fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import Objective, build
from penchant.training.people.agreement import agreement_of

__all__ = ["PersonalJudges"]

_WIDTH, _PEOPLE, _ITEMS, _OWN = 20, 9, 600, 30


class PersonalJudges(Claim):
    """A taste is one that all share plus a larger one of the person's own; everybody labels every pair."""

    id = "bt-reward-model-personal"
    paper = "arXiv:2511.20513"
    sentence = (
        "Where annotators agree little, a judge that goes on from that of the majority on a person's own labels "
        "predicts this person's choices better than that of the majority with twenty times as many labels."
    )
    methods = ("bt-reward-model",)
    world = f"{_PEOPLE} annotators of {_ITEMS} pairs of responses with {_WIDTH} features; {_OWN} own labels each"
    quantity = "accuracy on 1,000 other pairs, mean over annotators; Krippendorff's α of the labels"
    contrasts = (
        Contrast("own, from the majority", "majority", smallest=0.03),
        Contrast("own, from the majority", "own alone", smallest=0.01),
    )
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps of Adam for the judge of the majority, 100 at a lower rate on a person's own pairs."""
        torch.manual_seed(seed)  # of the heads
        generator = torch.Generator().manual_seed(seed)
        tastes = torch.randn(_WIDTH, generator=generator, dtype=torch.float64) + 1.2 * torch.randn(
            _PEOPLE, _WIDTH, generator=generator, dtype=torch.float64
        )
        first, second = random_pairs(generator, _ITEMS, _WIDTH)
        chance = torch.sigmoid(2 * (first - second) @ tastes.T)
        wins = torch.rand(chance.shape, generator=generator, dtype=torch.float64) < chance
        rows = [
            {"prompt": f"p{item}", "chosen": "12"[not won], "rejected": "12"[won], "annotator": str(who)}
            for item, own in enumerate(wins.tolist())
            for who, won in enumerate(own)
        ]
        shared = list(Majority().build(read(rows)).rows)
        item = torch.tensor([int(row["prompt"][1:]) for row in shared])
        sides = by_choice(torch.tensor([row["chosen"] == "1" for row in shared]), first[item], second[item])
        majority = fit_head(build("bt"), _pair(*sides), _WIDTH)
        one, two = random_pairs(generator, 1000, _WIDTH)
        found: dict[str, list[float]] = {"majority": [], "own, from the majority": [], "own alone": []}
        for who in range(_PEOPLE):
            own = _pair(*by_choice(wins[:_OWN, who], first[:_OWN], second[:_OWN]))
            asked = by_choice((one - two) @ tastes[who] > 0, one, two)
            moved = build("bt")
            moved.bind(_WIDTH)
            moved.load_state_dict(majority.state_dict())
            judges: dict[str, Objective] = {
                "majority": majority,
                "own, from the majority": fit_head(moved, own, _WIDTH, steps=100, learning_rate=0.03),
                "own alone": fit_head(build("bt"), own, _WIDTH, steps=100, learning_rate=0.03),
            }
            for name, judge in judges.items():
                found[name].append(pair_accuracy(judge, *asked))
        alpha = agreement_of(list(read(rows)))  # type: ignore[arg-type]
        return {**{name: fmean(values) for name, values in found.items()}, "agreement α": alpha}


def _pair(better: Tensor, worse: Tensor) -> dict[str, object]:
    return {"chosen": with_states(better), "rejected": with_states(worse)}
