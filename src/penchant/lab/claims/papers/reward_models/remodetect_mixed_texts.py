"""Partly rewritten texts between those of machines and humans, and rewards that are replayed."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import Objective, build

__all__ = ["MixedTexts"]

_WIDTH, _SHIFT = 16, 0.8


class MixedTexts(Claim):
    """Random states, shifted along one direction by who wrote the text; another direction is what people prefer."""

    id = "remodetect-mixed-texts"
    paper = "arXiv:2405.17382"
    sentence = (
        "Partly rewritten texts between those of machines and humans make a detector better than the same pairs "
        "without them, and replayed rewards keep more of what the reward model knew."
    )
    methods = ("remodetect",)
    baselines = ("bt-reward-model",)
    world = "24 triples of texts with 16 random features, 24 replayed texts, and a reward model of another task"
    quantity = (
        "accuracy on 2,000 other pairs of machine and human; with preferences, accuracy on 2,000 pairs of the old task"
    )
    contrasts = (
        Contrast("remodetect", "without mixed texts", smallest=0.01),
        Contrast("remodetect", "bt-reward-model", smallest=0.01),
        Contrast("remodetect, preferences", "without replay, preferences", smallest=0.01),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps each; the replay has the weight 1, since rewards here are of the size of 1."""
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        shift, wanted = torch.nn.functional.normalize(
            torch.randn(2, _WIDTH, generator=generator, dtype=torch.float64), dim=1
        )

        def texts(count: int, place: float) -> torch.Tensor:
            noise, _ = random_pairs(generator, count, _WIDTH)
            return noise + _SHIFT * place * shift

        machine, mixed, human = (texts(24, place) for place in (1.0, 0.0, -1.0))
        pair = {"chosen": with_states(machine), "rejected": with_states(human)}
        again, _ = random_pairs(generator, 24, _WIDTH)
        old = {"replay": with_states(again), "replay_score": 2 * again @ wanted}
        triple = {**pair, "mixed": with_states(mixed)}
        one, two = texts(2000, 1.0), texts(2000, -1.0)
        first, second = random_pairs(generator, 2000, _WIDTH)
        swap = ((first - second) @ wanted < 0).unsqueeze(1)
        better, worse = torch.where(swap, second, first), torch.where(swap, first, second)
        arms: dict[str, Objective] = {
            "remodetect": self._trained("remodetect", triple, wanted),
            "without mixed texts": self._trained("remodetect", triple, wanted, mixed_weight=0.0),
            "bt-reward-model": self._trained("bt", pair, wanted),
        }
        kept = self._trained("remodetect", {**triple, **old}, wanted, rho=1.0)
        return {
            **{name: pair_accuracy(arm, one, two) for name, arm in arms.items()},
            "remodetect, preferences": pair_accuracy(kept, better, worse),
            "without replay, preferences": pair_accuracy(arms["remodetect"], better, worse),
        }

    def _trained(self, name: str, inputs: Mapping[str, object], wanted: torch.Tensor, **hyper: float) -> Objective:
        """The objective, trained on from the rewards of the old task."""
        objective = build(name, **hyper)
        objective.bind(_WIDTH)
        with torch.no_grad():
            objective.reward_head.weight.copy_(2 * wanted)  # type: ignore[union-attr,operator]
        return fit_head(objective, inputs, _WIDTH)
