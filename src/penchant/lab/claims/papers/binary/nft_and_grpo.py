"""NFT and GRPO from the same numbers of checked answers."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rounds,
    Rows,
    Samples,
    World,
    checked_world,
    expected_reward,
    log_probabilities,
    run_rounds,
)
from penchant.objectives import build

__all__ = ["AsGoodAsGRPO"]


class AsGoodAsGRPO(Claim):
    """Rounds of NFT, of its form without wrong answers, and of GRPO."""

    id = "nft-and-grpo"
    paper = "arXiv:2505.18116"
    sentence = (
        "Over rounds of four steps with three of ten answers right, NFT reaches a share of right answers that is not "
        "below that of GRPO, and is above that of rejection-sampling fine-tuning."
    )
    methods = ("nft",)
    baselines = ("grpo",)
    world = Dials(responses=10)
    quantity = "share of right answers"
    contrasts = (
        Contrast("nft", "grpo", not_worse_by=0.05),
        Contrast("nft", "rejection sampling", smallest=0.03),
    )

    def draw_world(self, seed: int) -> World:
        """The best three of ten answers are right."""
        return checked_world(super().draw_world(seed), 3)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Four rounds of 16 samples of each prompt; the rate is the same for all arms."""
        world = self.draw_world(seed)
        plan = Rounds(rounds=4, samples=16, steps=4, learning_rate=0.1)
        found = {"reference": expected_reward(world, world.reference)}
        arms = {
            "nft": (build("nft", normalize=2, token_normalizer=1.0), _verified),
            "rejection sampling": (build("nft", normalize=2, token_normalizer=1.0, neg_weight=0.0), _verified),
            "grpo": (build("grpo"), "group"),
        }
        for arm, (method, pairing) in arms.items():
            policy = run_rounds(world, method, plan, seed=seed, pairing=pairing)[-1]
            found[arm] = expected_reward(world, log_probabilities(policy))
        return found


def _verified(world: World, samples: Samples) -> Examples:
    """Every answer by itself; prompts whose answers are all right or all wrong are left out."""
    rate = samples.scores.mean(-1)
    kept = ((rate > 0) & (rate < 1)).nonzero().flatten()
    each = samples.response.shape[1]
    prompt, response = samples.prompt[kept].repeat_interleave(each), samples.response[kept].flatten()
    fields = {
        "label": samples.scores[kept].flatten(),
        "correct_rate": rate[kept].repeat_interleave(each),
        "old_policy": samples.policy[prompt, response].unsqueeze(-1) * world.shares[prompt, response],
    }
    return Examples({"responses": Rows(prompt, response)}, fields)
