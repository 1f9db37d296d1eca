"""GPM on cyclic preferences."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials
from penchant.lab.worlds.tabular.heads import fit_head, named_states, with_states
from penchant.objectives import build

__all__ = ["CyclicPreferences"]


class CyclicPreferences(Claim):
    """Heads on states that name the response, trained on sampled comparisons of three responses in a circle."""

    id = "gpm-cyclic-preferences"
    paper = "arXiv:2410.02197"
    sentence = (
        "Where each of three responses is preferred to the next one around a circle, a general preference model names "
        "the preferred response of almost all pairs, and no reward model does better than two pairs of three."
    )
    methods = ("gpm",)
    baselines = ("bt-reward-model",)
    world = Dials(prompts=8, responses=3, cycles=1.0, reward_scale=2.0, pairs=1200)
    quantity = "share of all pairs in which the response that is preferred more often is named"
    contrasts = (Contrast("gpm", "bt-reward-model", smallest=0.25),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Both see the same comparisons; dimension 2, 300 steps."""
        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed)
        states = named_states(world.dials.prompts, world.dials.responses)
        pairs = torch.combinations(torch.arange(world.dials.responses))
        count = world.dials.pairs
        prompt = torch.randint(world.dials.prompts, (count,), generator=generator)
        first, second = pairs[torch.randint(len(pairs), (count,), generator=generator)].T
        wins = torch.rand(count, generator=generator, dtype=torch.float64) < world.preference[prompt, first, second]
        better, worse = torch.where(wins, first, second), torch.where(wins, second, first)
        inputs = {
            "chosen": with_states(states[prompt, better]),
            "rejected": with_states(states[prompt, worse]),
        }
        arms = {"bt-reward-model": build("bt-reward-model"), "gpm": build("gpm", dimension=2, tau=1.0)}
        found = {}
        for name, objective in arms.items():
            fitted = fit_head(objective, inputs, states.shape[-1])
            tables = torch.stack([fitted.preferences(fitted.reward_head(each)) for each in states])  # type: ignore[operator]
            found[name] = _right(tables.detach(), world.preference, pairs)
        return found


def _right(tables: Tensor, truth: Tensor, pairs: Tensor) -> float:
    first, second = pairs.T
    said, true = tables[:, first, second] > 0.5, truth[:, first, second] > 0.5
    return float((said == true).double().mean())
