"""EXO with a policy that cannot fit all labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rows, all_pairs, fit_each, log_probabilities
from penchant.objectives import build

__all__ = ["SeeksTheMode"]

_ERRING = 1e-3


class SeeksTheMode(Claim):
    """Reverse and forward KL from the same labels, for a log-linear policy with half of the features."""

    id = "exo-pref-mode-seeking"
    paper = "arXiv:2402.00856"
    sentence = (
        "For a log-linear policy with half of the features of the reward, EXO gets closer to the labels in reverse KL, "
        "DPO with the same label smoothing in forward KL, and EXO puts more probability on the best response."
    )
    methods = ("exo-pref",)
    baselines = ("cdpo",)
    world = Dials(prompts=8, responses=6, features=6, temperature=0.0, reference_spread=0.0)
    quantity = "KL between the pair distributions of policy and labels, nats; or probability of the best response"
    contrasts = (
        Contrast("cdpo, reverse", "exo-pref, reverse", smallest=0.05),
        Contrast("exo-pref, forward", "cdpo, forward", smallest=0.05),
        Contrast("exo-pref, best response", "cdpo, best response", smallest=0.015),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """All pairs of a world, for policies with three of six features; β = 1, ε = 0.001."""
        world = self.draw_world(seed)
        world = replace(world, features=world.features[..., :3])
        pairs = all_pairs(world)
        best = world.reward.argmax(-1, keepdim=True)
        arms = {}
        names = self.methods + self.baselines
        methods = {name: build(name, beta=1.0, label_smoothing=_ERRING) for name in names}
        for name, policy in fit_each(world, methods, pairs, steps=200).items():
            logp = log_probabilities(policy)
            seen = torch.sigmoid(_margins(logp - world.reference, pairs))
            label = torch.full_like(seen, 1 - _ERRING)
            arms[f"{name}, reverse"] = _divergence(seen, label)
            arms[f"{name}, forward"] = _divergence(label, seen)
            arms[f"{name}, best response"] = float(logp.gather(-1, best).exp().mean())
        return arms


def _margins(logratio: Tensor, pairs: Examples) -> Tensor:
    chosen, rejected = pairs.views["chosen"], pairs.views["rejected"]
    assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
    return logratio[chosen.prompt, chosen.response] - logratio[rejected.prompt, rejected.response]


def _divergence(first: Tensor, second: Tensor) -> float:
    """Mean KL between Bernoulli distributions over all pairs, equally weighted."""
    sides = ((first, second), (1 - first, 1 - second))
    return float(sum(p * (p / q).log() for p, q in sides).mean())  # type: ignore[union-attr]  # two tensors
