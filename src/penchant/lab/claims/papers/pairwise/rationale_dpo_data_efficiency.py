"""Rationales beside few preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, Rows, World, fit_each, log_probabilities, pair_examples
from penchant.objectives import build

__all__ = ["ReasonsTeach"]

_PROMPTS, _FEATURES, _PAIRS = 8, 3, 12
_GAMMA = {"rationale-dpo": 0.3, "rationale-dpo-nll": 0.1}


class ReasonsTeach(Claim):
    """A dozen pairs with and without the reason for each, in a log-linear world where reasons share parameters."""

    id = "rationale-dpo-data-efficiency"
    paper = "arXiv:2407.14477"
    sentence = (
        "From a dozen pairs, the rationale of each beside it, rationale-DPO in both forms and -ORPO reach a "
        "higher true reward than DPO and ORPO do from the pairs alone."
    )
    methods = ("rationale-dpo", "rationale-orpo", "rationale-orpo-simple", "rationale-dpo-nll")
    baselines = ("dpo", "orpo")
    world = Dials(prompts=_PROMPTS + 1, responses=2 * _FEATURES, features=_FEATURES, reference_spread=0.5)
    quantity = "expected true reward, in its standard deviations"
    contrasts = (
        Contrast("rationale-dpo", "dpo", smallest=0.1),
        Contrast("rationale-dpo-nll", "dpo", smallest=0.1),
        Contrast("rationale-orpo", "orpo", smallest=0.05),
        Contrast("rationale-orpo-simple", "orpo", smallest=0.05),
    )
    remark = (
        "The last prompt asks why; its responses name one feature each, as good or as bad, which moves its weight. The "
        "world is made so that reasons are true and share what the policy learns: it shows the mechanism, not how "
        "often language models work that way."
    )

    def draw_world(self, seed: int) -> World:
        """Reward linear in the features; a reason names one of them, as good or as bad."""
        world, generator = super().draw_world(seed), torch.Generator().manual_seed(seed + 5)
        features = world.features.clone()
        named = torch.eye(_FEATURES, dtype=features.dtype)
        features[-1] = torch.cat([named, -named])
        reward = features @ torch.randn(_FEATURES, generator=generator, dtype=features.dtype)
        reward = (reward - reward.mean(-1, keepdim=True)) / reward[:_PROMPTS].std()
        preference = torch.sigmoid(reward.unsqueeze(-1) - reward.unsqueeze(-2))
        return replace(world, features=features, reward=reward, preference=preference)

    def measure(self, seed: int) -> Mapping[str, float]:
        """80 steps; γ = 1 for the rationales of ORPO, 0.3 and 0.1 for those of DPO's two forms; β = 0.1."""
        world = self.draw_world(seed)
        pairs = _pairs(world, seed)
        methods = {name: build(name) for name in self.baselines}
        methods |= {name: build(name, gamma=_GAMMA.get(name, 1.0)) for name in self.methods}
        # Apart from the others, whose last digits depend on what is fitted beside them.
        likelihood = {"rationale-dpo-nll": methods.pop("rationale-dpo-nll")}
        trained = fit_each(world, methods, pairs, steps=80) | fit_each(world, likelihood, pairs, steps=80)
        arms = {"reference": _reward(world, world.reference)}
        return arms | {arm: _reward(world, policy) for arm, policy in trained.items()}


def _pairs(world: World, seed: int) -> Examples:
    """Pairs with the reason that speaks most for the response that is truly better of the two."""
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(_PROMPTS, (_PAIRS,), generator=generator)
    first, second = torch.multinomial(torch.ones(_PAIRS, 2 * _FEATURES), 2, generator=generator).unbind(-1)
    wins = torch.rand(_PAIRS, generator=generator, dtype=torch.float64) < world.preference[prompt, first, second]
    pairs = pair_examples(world, prompt, torch.where(wins, first, second), torch.where(wins, second, first))
    gap = world.features[prompt, first] - world.features[prompt, second]
    better = torch.where(world.reward[prompt, first] > world.reward[prompt, second], 1.0, -1.0).unsqueeze(-1)
    # The reward of naming a feature as good is its weight; the mean over both ways of naming each is 0.
    weight = world.reward[-1, :_FEATURES]
    feature = (better * gap * weight).argmax(-1)
    reason = torch.where(weight[feature] > 0, feature, feature + _FEATURES)
    return pairs.with_view("rationale", Rows(torch.full_like(prompt, _PROMPTS), reason))


def _reward(world: World, policy: Policy | torch.Tensor) -> float:
    return float((log_probabilities(policy).exp() * world.reward)[:_PROMPTS].sum(-1).mean())
