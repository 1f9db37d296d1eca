"""ReRe against likelihood and DPO, with lists of valid items."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, Rows, World, fit, log_probabilities
from penchant.lab.worlds.tabular.next_items import catalogue_of, hit_rate, sample_next_items, with_negatives
from penchant.objectives import build
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.ranking_rewards import hit_rewards, ranking_rewards

__all__ = ["ValidItems"]

SIDES = ("chosen", "rejected")
#: Features of the policy, of 24 that make the reward.
KNOWN = 8
#: Items of a beam, rounds, steps of each round.
BEAMS, ROUNDS, STEPS = 8, 20, 2


class ValidItems(Claim):
    """ReRe on the eight most likely items of the catalogue, from the policy that is trained by likelihood."""

    id = "rere-valid-items"
    paper = "arXiv:2510.12211"
    sentence = (
        "With a policy that knows a third of what users go by, lists of ReRe hold the next item more often than those "
        "of likelihood training and of DPO against items drawn uniformly, from the same 400 next items; all lists hold "
        "items of the catalogue alone."
    )
    methods = ("rere",)
    baselines = ("nll", "dpo")
    world = Dials(prompts=16, responses=40, features=24, reward_scale=2.0, reference_spread=0.5, unseen=0.3)
    quantity = "probability that the next item is among the five most likely items, in [0, 1]"
    contrasts = (Contrast("rere", "nll", smallest=0.01), Contrast("rere", "dpo", smallest=0.01))
    remark = (
        "On the tuning seeds ReRe gained 0.03 over likelihood, here a quarter of that. Items enter the lists of these "
        "small policies through a few features that all items share; ReRe learns from the eight first items alone, and "
        "DPO against items drawn uniformly from all of them."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Twenty rounds of two steps; learning rate and beams are the best of four choices on the tuning seeds."""
        world = self.draw_world(seed)
        demonstrations = sample_next_items(world, seed, count=400)
        policy = Policy(world.reference, world.features[..., :KNOWN])
        start = fit(world, "nll", demonstrations, steps=150, learning_rate=0.05, policy=policy)
        rows = with_negatives(world, demonstrations, 1, seed).views["responses"]
        assert isinstance(rows, Rows)
        pairs = Examples({view: Rows(rows.prompt[at::2], rows.response[at::2]) for at, view in enumerate(SIDES)})
        dpo = fit(world, build("dpo", beta=1.0), pairs, steps=60, learning_rate=0.05, policy=start, reference=start)
        arms = {"nll": start, "dpo": dpo, "rere": _rere(world, start, demonstrations)}
        return {arm: hit_rate(world, policy, 5) for arm, policy in arms.items()}


def _rere(world: World, start: Policy, demonstrations: Examples, rate: float = 0.03) -> Policy:
    """Rounds of beams, rewards of hits and places, and on-policy steps."""
    policy, wanted = start, demonstrations.views["chosen"]
    assert isinstance(wanted, Rows)
    valid, objective = catalogue_of(world), build("rere", beta=0.001)
    for _ in range(ROUNDS):
        scores = log_probabilities(policy).masked_fill(~valid, -torch.inf)
        beams = scores.topk(BEAMS).indices[wanted.prompt]
        lists = [(items, target) for items, target in zip(beams.tolist(), wanted.response.tolist(), strict=True)]
        hits = torch.tensor([hit_rewards(items, target) for items, target in lists], dtype=torch.float64)
        rewards = hits + torch.tensor([ranking_rewards(items, target) for items, target in lists], dtype=torch.float64)
        group = torch.arange(len(beams)).repeat_interleave(BEAMS)
        advantage = group_advantages(rewards.flatten(), group, epsilon=1e-4)
        examples = Examples({"responses": Rows(wanted.prompt[group], beams.flatten(), group)}, {"advantage": advantage})
        policy = fit(world, objective, examples, steps=STEPS, learning_rate=rate, policy=policy, reference=start)
    return policy
