"""Generalisation of implicit and explicit rewards, under five shifts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, World, fit, log_probabilities, pair_examples, ranked_rightly
from penchant.objectives import build

__all__ = ["ExplicitRewardsGoFurther"]

#: The shifts, by their prompts and responses among those of the world: eight prompts and six responses are trained on.
_SHIFTS = {
    "unseen prompts": (slice(8, 16), slice(6)),
    "unseen responses": (slice(8), slice(6, 8)),
    "both unseen": (slice(8, 16), slice(6, 8)),
    "mixed prompts": (slice(16, 24), slice(6)),
    "noisy prompts": (slice(24, 32), slice(6)),
}


class ExplicitRewardsGoFurther(Claim):
    """DPO's implicit reward and a Bradley–Terry reward on the same features, on seen and unseen inputs."""

    id = "dpo-implicit-reward"
    paper = "arXiv:2409.03650"
    sentence = (
        "An explicit reward on features of prompt and response, and the implicit reward of a policy with output "
        "weights per response, both rank the training distribution well; the explicit reward is better on unseen "
        "prompts, on unseen responses, and in the mean over five shifts."
    )
    methods = ("dpo",)
    world = Dials(prompts=32, responses=8, features=6)
    quantity = "ranking accuracy over all pairs of such responses"
    contrasts = (
        Contrast("explicit, unseen prompts", "implicit, unseen prompts", smallest=0.05),
        Contrast("explicit, unseen responses", "implicit, unseen responses", smallest=0.1),
        Contrast("explicit, mean of five shifts", "implicit, mean of five shifts", smallest=0.05),
    )
    remark = (
        "The features here are h_x ∘ e_y, so the policy's logits W_y·h_x can express the reward exactly, but the "
        "weights of responses that never occurred do not change. Language models share more parameters. Mixed prompts "
        "lie halfway between two seen ones, noisy ones are seen ones with normal noise of deviation 0.5."
    )

    def draw_world(self, seed: int) -> World:
        """Features h_x ∘ e_y of prompt and response; the reward is linear in them.

        Prompts 0 to 7 are trained on, 8 to 15 are new, 16 to 23 mix two of the first, 24 to 31 have noise.
        """
        world, generator = super().draw_world(seed), torch.Generator().manual_seed(seed + 7)
        sizes = ((8, 1, 6), (1, 8, 6), (6,))
        prompt, response, weight = (torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes)
        new, noise = torch.randn((2, 8, 1, 6), generator=generator, dtype=torch.float64)
        seen = prompt
        prompt = torch.cat([seen, new, (seen + seen.roll(1, dims=0)) / 2, seen + 0.5 * noise])
        reward = (prompt * response) @ weight
        reward = (reward - reward.mean(-1, keepdim=True)) / reward.std()
        preference = torch.sigmoid(reward.unsqueeze(-1) - reward.unsqueeze(-2))
        return replace(world, features=prompt * response, reward=reward, preference=preference)

    def measure(self, seed: int) -> Mapping[str, float]:
        """1500 pairs of six responses to eight prompts; all others are shifted."""
        world = self.draw_world(seed)
        pairs = _pairs(world, seed)
        # A log-linear policy in φ has log-ratios θ·φ up to a constant per prompt: with β = 1 its DPO loss is the
        # Bradley–Terry likelihood of the reward θ·φ.
        rewards = {
            "explicit": log_probabilities(fit(world, build("dpo", beta=1.0), pairs, steps=120)) - world.reference,
            "implicit": log_probabilities(fit(_reads_prompts(world), build("dpo", beta=0.1), pairs, steps=120))
            - world.reference,
        }
        arms = {}
        for name, reward in rewards.items():
            arms[f"{name}, in distribution"] = ranked_rightly(world.reward[:8, :6], reward[:8, :6])
            shifts = {each: ranked_rightly(world.reward[where], reward[where]) for each, where in _SHIFTS.items()}
            arms |= {f"{name}, {each}": share for each, share in shifts.items()}
            arms[f"{name}, mean of five shifts"] = fmean(shifts.values())
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
