"""Generalisation of implicit and explicit rewards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, World, fit, log_probabilities, pair_examples, ranked_rightly
from penchant.objectives import build

__all__ = ["ExplicitRewardsGoFurther"]


class ExplicitRewardsGoFurther(Claim):
    """DPO's implicit reward and a Bradley–Terry reward on the same features, on seen and unseen inputs."""

    id = "dpo-implicit-reward"
    paper = "arXiv:2409.03650"
    sentence = (
        "An explicit reward on features of prompt and response, and the implicit reward of a policy with output "
        "weights per response, both rank the training distribution well; on unseen prompts and on unseen responses the "
        "explicit reward is better."
    )
    methods = ("dpo",)
    world = Dials(prompts=16, responses=8, features=6)
    quantity = "ranking accuracy over all pairs of such responses"
    contrasts = (
        Contrast("explicit, unseen prompts", "implicit, unseen prompts", smallest=0.05),
        Contrast("explicit, unseen responses", "implicit, unseen responses", smallest=0.1),
    )
    remark = (
        "The features here are h_x ∘ e_y, so the policy's logits W_y·h_x can express the reward exactly, but the "
        "weights of responses that never occurred do not change. Language models share more parameters."
    )

    def draw_world(self, seed: int) -> World:
        """Features h_x ∘ e_y of prompt and response; the reward is linear in them."""
        world, generator = super().draw_world(seed), torch.Generator().manual_seed(seed + 7)
        sizes = ((16, 1, 6), (1, 8, 6), (6,))
        prompt, response, weight = (torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes)
        reward = (prompt * response) @ weight
        reward = (reward - reward.mean(-1, keepdim=True)) / reward.std()
        preference = torch.sigmoid(reward.unsqueeze(-1) - reward.unsqueeze(-2))
        return replace(world, features=prompt * response, reward=reward, preference=preference)

    def measure(self, seed: int) -> Mapping[str, float]:
        """1500 pairs of six responses to eight prompts; the other prompts and two further responses are unseen."""
        world = self.draw_world(seed)
        pairs = _pairs(world, seed)
        # A log-linear policy in φ has log-ratios θ·φ up to a constant per prompt: with β = 1 its DPO loss is the
        # Bradley–Terry likelihood of the reward θ·φ.
        rewards = {
            "explicit": log_probabilities(fit(world, build("dpo", beta=1.0), pairs, steps=120)) - world.reference,
            "implicit": log_probabilities(fit(_reads_prompts(world), build("dpo", beta=0.1), pairs, steps=120))
            - world.reference,
        }
        seen, known = torch.arange(16) < 8, torch.arange(8) < 6
        arms = {}
        for name, reward in rewards.items():
            arms[f"{name}, in distribution"] = ranked_rightly(world.reward[seen][:, known], reward[seen][:, known])
            arms[f"{name}, unseen prompts"] = ranked_rightly(world.reward[~seen][:, known], reward[~seen][:, known])
            arms[f"{name}, unseen responses"] = ranked_rightly(world.reward[seen][:, ~known], reward[seen][:, ~known])
        return arms


def _pairs(world: World, seed: int) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(8, (1500,), generator=generator)
    first, second = torch.multinomial(torch.ones(1500, 6), 2, generator=generator).unbind(-1)
    wins = torch.rand(1500, generator=generator, dtype=torch.float64) < world.preference[prompt, first, second]
    return pair_examples(world, prompt, torch.where(wins, first, second), torch.where(wins, second, first))


def _reads_prompts(world: World) -> World:
    """The world for a policy with logits W_y·h_x, with h_x up to a scale per component."""
    state = world.features[:, 0]
    prompts, size = state.shape
    features = torch.einsum("xd,yz->xyzd", state, torch.eye(world.dials.responses, dtype=state.dtype))
    return replace(world, features=features.reshape(prompts, world.dials.responses, world.dials.responses * size))
