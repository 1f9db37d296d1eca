"""Rationales with few preference pairs."""

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
    """A dozen pairs with and without rationales, in a log-linear world where rationales share parameters."""

    id = "rationale-dpo-data-efficiency"
    paper = "arXiv:2407.14477"
    sentence = (
        "From a dozen pairs with rationales, both forms of rationale-DPO and rationale-ORPO reach a higher true reward "
        "than DPO and ORPO on the pairs only."
    )
    methods = ("rationale-dpo", "rationale-orpo", "rationale-orpo-simple", "rationale-dpo-nll")
    baselines = ("dpo", "orpo")
    world = Dials(prompts=_PROMPTS + 1, responses=2 * _FEATURES, features=_FEATURES, reference_spread=0.5)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("rationale-dpo", "dpo", smallest=0.1),
        Contrast("rationale-dpo-nll", "dpo", smallest=0.1),
        Contrast("rationale-orpo", "orpo", smallest=0.05),
        Contrast("rationale-orpo-simple", "orpo", smallest=0.05),
    )
    remark = (
        "The last prompt asks for the reason; each of its responses names one feature as good or bad, which moves the "
        "weight of that feature. The world guarantees that rationales are true and share parameters with the policy, "
        "so it shows the mechanism, not how often it applies in language models."
    )

    def draw_world(self, seed: int) -> World:
        """The reward is linear in the features; a rationale names one feature as good or bad."""
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
    """Pairs with the rationale that most favours the truly better response."""
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(_PROMPTS, (_PAIRS,), generator=generator)
    first, second = torch.multinomial(torch.ones(_PAIRS, 2 * _FEATURES), 2, generator=generator).unbind(-1)
    wins = torch.rand(_PAIRS, generator=generator, dtype=torch.float64) < world.preference[prompt, first, second]
    pairs = pair_examples(world, prompt, torch.where(wins, first, second), torch.where(wins, second, first))
    gap = world.features[prompt, first] - world.features[prompt, second]
    better = torch.where(world.reward[prompt, first] > world.reward[prompt, second], 1.0, -1.0).unsqueeze(-1)
    # The reward of naming a feature as good is its weight; the mean over good and bad is 0.
    weight = world.reward[-1, :_FEATURES]
    feature = (better * gap * weight).argmax(-1)
    reason = torch.where(weight[feature] > 0, feature, feature + _FEATURES)
    return pairs.with_view("rationale", Rows(torch.full_like(prompt, _PROMPTS), reason))


def _reward(world: World, policy: Policy | torch.Tensor) -> float:
    return float((log_probabilities(policy).exp() * world.reward)[:_PROMPTS].sum(-1).mean())
