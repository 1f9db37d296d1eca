"""NFT's loss and wrong answers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, Rows, World, fit, log_probabilities
from penchant.objectives import build

__all__ = ["WrongAnswers"]

_PROMPTS, _RIGHT, _SAMPLES, _ROUNDS = 12, 7, 8, 3


class WrongAnswers(Claim):
    """NFT, and the same loss without wrong answers, which is rejection-sampling fine-tuning."""

    id = "nft-wrong-answers"
    paper = "arXiv:2505.18116"
    sentence = (
        "Where seven of ten answers are right and prompts share features, NFT answers prompts that it was not trained "
        "on rightly more often than rejection-sampling fine-tuning on the same number of samples."
    )
    methods = ("nft",)
    world = Dials(prompts=2 * _PROMPTS, responses=10, features=16, similarity=0.5)
    quantity = "probability of a right answer to the prompts that were not trained on"
    contrasts = (Contrast("nft", "rejection sampling", smallest=0.03),)
    seeds = range(20, 50)
    remark = (
        "The first ten seeds were too few (0.016, interval -0.005 to 0.037), so thirty further seeds judge. "
        "Where few answers are right, or where prompts share nothing (a table of logits), both are equal on the tuning "
        "seeds: at a low rate of right answers the weight of wrong ones is small by definition. The loop is sketched "
        "here; that of the paper drops and refills groups in the same way."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Three rounds: eight samples of the policy for each of twelve prompts, 20 steps of one ratio an answer."""
        world = self.draw_world(seed)
        right = world.reward >= world.reward.topk(_RIGHT, dim=-1).values[:, -1:]
        found = {"reference": _accuracy(world.reference, right)}
        for arm, weight in (("nft", 1.0), ("rejection sampling", 0.0)):
            generator = torch.Generator().manual_seed(seed)
            policy: Policy | None = None
            for _ in range(_ROUNDS):
                old = world.reference if policy is None else log_probabilities(policy)
                examples = _sampled(world, old, right, generator)
                method = build("nft", neg_weight=weight, ratio_type="sequence")
                policy = fit(world, method, examples, steps=20, learning_rate=0.05, policy=policy)
            assert policy is not None
            found[arm] = _accuracy(log_probabilities(policy), right)
        return found


def _sampled(world: World, old: Tensor, right: Tensor, generator: torch.Generator) -> Examples:
    """Samples for the prompts to train on; prompts whose answers are all right or all wrong are dropped."""
    drawn = torch.multinomial(old.exp()[:_PROMPTS], _SAMPLES, replacement=True, generator=generator)
    label = right[:_PROMPTS].gather(1, drawn).double()
    rate = label.mean(-1)
    kept = ((rate > 0) & (rate < 1)).nonzero().flatten()
    prompt, response = kept.repeat_interleave(_SAMPLES), drawn[kept].flatten()
    fields = {
        "label": label[kept].flatten(),
        "correct_rate": rate[kept].repeat_interleave(_SAMPLES),
        "old_policy": old[prompt, response].unsqueeze(-1) * world.shares[prompt, response],
    }
    return Examples({"responses": Rows(prompt, response)}, fields)


def _accuracy(table: Tensor, right: Tensor) -> float:
    """The probability of a right answer, over the prompts that are not trained on."""
    return float((table.exp() * right).sum(-1)[_PROMPTS:].mean())
