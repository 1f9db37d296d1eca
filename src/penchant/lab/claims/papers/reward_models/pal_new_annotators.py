"""PAL with annotators whom it has not seen."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import by_choice, fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import Objective, build

__all__ = ["NewAnnotators"]

_WIDTH, _PEOPLE, _NEW, _FEW = 6, 20, 20, 5


class NewAnnotators(Claim):
    """Two groups of annotators with independent tastes; new ones of both label five pairs each."""

    id = "pal-new-annotators"
    paper = "arXiv:2406.08469"
    sentence = (
        "For annotators who were not seen in training and label five pairs each, PAL that learns their weights alone "
        "predicts new choices better than one reward for all, and than PAL trained on these pairs alone."
    )
    methods = ("pal",)
    baselines = ("bt-reward-model",)
    world = f"two groups of tastes, {_PEOPLE} annotators with 40 pairs of responses with {_WIDTH} features, {_NEW} new"
    quantity = "accuracy on 2,000 other pairs of the new annotators"
    contrasts = (
        Contrast("pal, weights alone", "bt-reward-model", smallest=0.05),
        Contrast("pal, weights alone", "pal, new pairs alone", smallest=0.05),
    )
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps each; form A with the logistic loss."""
        torch.manual_seed(seed)  # of the heads
        generator = torch.Generator().manual_seed(seed)
        tastes = 1.5 * torch.randn(2, _WIDTH, generator=generator, dtype=torch.float64)

        def drawn(people: int, each: int) -> tuple[Tensor, Tensor, Tensor]:
            who = torch.arange(people).repeat_interleave(each)
            first, second = random_pairs(generator, len(who), _WIDTH)
            wins = ((first - second) * tastes[who % 2]).sum(1) > 0
            return *by_choice(wins, first, second), who.double()

        known, few, asked = drawn(_PEOPLE, 40), drawn(_NEW, _FEW), drawn(_NEW, 2000 // _NEW)
        settings = {"prototypes": 2, "width": 16, "layers": 1, "pair_loss": "logistic"}
        trained = fit_head(build("pal", annotators=_PEOPLE, **settings), _inputs(known), _WIDTH, learning_rate=0.02)
        moved = build("pal", annotators=_NEW, only_annotators=True, **settings)
        moved.bind(_WIDTH)
        kept = {name: value for name, value in trained.state_dict().items() if name != "weights"}
        moved.load_state_dict(kept, strict=False)
        moved = fit_head(moved, _inputs(few), _WIDTH, learning_rate=0.05)
        alone = fit_head(build("pal", annotators=_NEW, **settings), _inputs(few), _WIDTH, learning_rate=0.02)
        single = fit_head(build("bt"), {name: _inputs(known)[name] for name in ("chosen", "rejected")}, _WIDTH)
        return {
            "pal, weights alone": _accuracy(moved, asked),
            "pal, new pairs alone": _accuracy(alone, asked),
            "bt-reward-model": pair_accuracy(single, *asked[:2]),
        }


def _inputs(pairs: tuple[Tensor, Tensor, Tensor]) -> dict[str, object]:
    better, worse, who = pairs
    return {"chosen": with_states(better), "rejected": with_states(worse), "annotator": who}


def _accuracy(model: Objective, pairs: tuple[Tensor, Tensor, Tensor]) -> float:
    return float(model(**_inputs(pairs)).statistics["reward_accuracy"].double().mean())
