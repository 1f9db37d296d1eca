"""ADPO on scored lists with three kinds of noise."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, best_against_worst, expected_reward, fit_each, sample_lists
from penchant.objectives import build

__all__ = ["ListsUnderNoise"]


def _gaussian(scores: Tensor, generator: torch.Generator) -> Tensor:
    return scores + torch.randn(scores.shape, generator=generator, dtype=scores.dtype)


def _heavy_tailed(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Cauchy errors of scale ½."""
    turn = torch.rand(scores.shape, generator=generator, dtype=scores.dtype)
    return scores + 0.5 * torch.tan(math.pi * (turn - 0.5))


def _reversed(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Reverses a fifth of the lists."""
    turned = torch.rand(len(scores), 1, generator=generator) < 0.2
    return torch.where(turned, -scores, scores)


class ListsUnderNoise(Claim):
    """ADPO with standardised and with raw scores, and DPO on best-against-worst pairs of the same lists."""

    id = "adpo-listwise-noise-kinds"
    paper = "arXiv:2510.18913"
    sentence = (
        "ADPO on lists reaches a higher true reward than DPO on best-against-worst pairs of the same lists, with "
        "Gaussian score errors, with heavy-tailed ones, and with a fifth of the lists reversed."
    )
    methods = ("adpo-listwise",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=6, concentration=0.5)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = tuple(
        Contrast(f"adpo-listwise, {kind}", f"dpo, {kind}", smallest=0.12)
        for kind in ("gaussian", "heavy-tailed", "reversed")
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """60 lists of four, 60 steps; τ = 4 and β = 0.1 are the best of two or three values on the tuning seeds."""
        world = self.draw_world(seed)
        clean = sample_lists(world, seed, count=60)
        arms = {}
        for kind, spoil in {"gaussian": _gaussian, "heavy-tailed": _heavy_tailed, "reversed": _reversed}.items():
            scores = spoil(clean.fields["scores"].view(len(clean), -1), torch.Generator().manual_seed(seed + 99))
            lists = clean.with_fields(scores=scores.flatten())
            methods = {"adpo-listwise": build("adpo-listwise", tau=4.0), "dpo": build("dpo", beta=0.1)}
            if kind == "heavy-tailed":
                methods["adpo-listwise, raw"] = build("adpo-listwise", target="softmax", tau=4.0)
            examples = {**dict.fromkeys(methods, lists), "dpo": best_against_worst(world, lists)}
            for arm, policy in fit_each(world, methods, examples, steps=60).items():
                arms[f"{arm}, {kind}"] = expected_reward(world, policy)
        return arms
