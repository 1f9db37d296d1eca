"""DOVE on joint preferences across prompts."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, World, fit_each, log_probabilities, pair_examples
from penchant.objectives import build

__all__ = ["ApplesAndOranges"]

_PROMPTS, _RESPONSES = 4, 6


class ApplesAndOranges(Claim):
    """DOVE on joint comparisons and few ordinary ones, and DPO on the ordinary ones only."""

    id = "dove-different-prompts"
    paper = "arXiv:2404.00530"
    sentence = (
        "From joint preferences between responses to different prompts, DOVE learns which response suits each prompt: "
        "without ordinary comparisons, and beyond what DPO learns from those."
    )
    methods = ("dove",)
    baselines = ("dpo",)
    world = Dials(prompts=1, responses=_PROMPTS * _RESPONSES, concentration=0.5)
    quantity = "expected true reward of a response given its prompt, in standard deviations of the reward"
    contrasts = (
        Contrast("dove, across prompts alone", "reference", smallest=0.3),
        Contrast("dove", "dpo", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One table holds log π(x, y) of 4 prompts with 6 responses; 40 ordinary comparisons, 120 across prompts."""
        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed)
        same = _compared(world, 40, generator, across=False)
        other = _compared(world, 120, generator, across=True)
        both = tuple(torch.cat(pair) for pair in zip(same, other, strict=True))
        shown = {"dove": both, "dove, across prompts alone": other, "dpo": same}
        methods = {arm: build("dpo" if arm == "dpo" else "dove", beta=0.1) for arm in shown}
        examples = {arm: _examples(world, *pair) for arm, pair in shown.items()}
        trained = fit_each(world, methods, examples, steps=80)
        arms = {"reference": _reward(world, world.reference)}
        return arms | {arm: _reward(world, policy) for arm, policy in trained.items()}


def _compared(world: World, count: int, generator: torch.Generator, across: bool) -> tuple[torch.Tensor, ...]:
    """Indices (x, y) of the preferred and of the other pair."""
    prompt = torch.randint(_PROMPTS, (count, 1), generator=generator)
    response = torch.multinomial(torch.ones(count, _RESPONSES), 2, generator=generator)
    further = torch.randint(1, _PROMPTS, (count, 1), generator=generator) if across else torch.zeros(count, 1).long()
    prompt = torch.cat([prompt, (prompt + further) % _PROMPTS], dim=1)
    first, second = (_RESPONSES * prompt + response).unbind(-1)
    wins = torch.rand(count, generator=generator, dtype=torch.float64) < world.preference[0, first, second]
    return torch.where(wins, first, second), torch.where(wins, second, first)


def _examples(world: World, chosen: torch.Tensor, rejected: torch.Tensor) -> Examples:
    pairs = pair_examples(world, torch.zeros_like(chosen), chosen, rejected)
    joint = {f"{name}_joint": pairs.views[name] for name in ("chosen", "rejected")}
    for name, rows in joint.items():
        pairs = pairs.with_view(name, rows)
    return pairs


def _reward(world: World, policy: Policy | torch.Tensor) -> float:
    """Expected true reward of π(y|x), uniform over prompts."""
    given = log_probabilities(policy).view(_PROMPTS, _RESPONSES).softmax(-1)
    return float((given * world.reward.view(_PROMPTS, _RESPONSES)).sum(-1).mean())
