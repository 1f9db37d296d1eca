"""InfiFPO with two sources that are good on different prompts."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rows, World, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["TwoSourcesAreFused"]


class TwoSourcesAreFused(Claim):
    """InfiFPO with both sources and with each of them, and DPO, on the same few pairs."""

    id = "infifpo-two-sources"
    paper = "arXiv:2505.13878"
    sentence = (
        "With two sources, each good on half of the prompts, InfiFPO reaches a higher true reward than DPO on the same "
        "few pairs, and than with either source only."
    )
    methods = ("infifpo",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=6, concentration=0.5, temperature=2.0, pairs=160)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("infifpo", "dpo", smallest=0.1),
        Contrast("infifpo", "infifpo, first source", smallest=0.05),
        Contrast("infifpo", "infifpo, second source", smallest=0.05),
    )

    remark = (
        "Each source by itself already helps on its half, so the second adds little more than the smallest effect, and "
        "ten seeds are not conclusive."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """80 steps; DPO's β = 0.3 is the best of 0.1, 0.3 and 0.6 on the tuning seeds."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        sources = _sources(world, seed)
        methods = {"dpo": build("dpo", beta=0.3)} | {f"dpo, β = {beta}": build("dpo", beta=beta) for beta in (0.1, 0.6)}
        examples = dict.fromkeys(methods, pairs)
        given = {"infifpo": sources, "infifpo, first source": sources[:1], "infifpo, second source": sources[1:]}
        methods |= {arm: build("infifpo") for arm in given}
        examples |= {arm: _with_sources(world, pairs, each) for arm, each in given.items()}
        trained = fit_each(world, methods, examples, steps=80)
        return {arm: expected_reward(world, policy) for arm, policy in trained.items()}


def _sources(world: World, seed: int) -> Tensor:
    """[2, X, K] log-probabilities; on its half of the prompts, the logits of a source are the reward plus noise."""
    generator = torch.Generator().manual_seed(seed + 11)
    logits = torch.randn(2, *world.reward.shape, generator=generator, dtype=torch.float64)
    half = world.dials.prompts // 2
    logits[0, :half] += 3 * world.reward[:half]
    logits[1, half:] += 3 * world.reward[half:]
    return logits.log_softmax(-1)


def _with_sources(world: World, pairs: Examples, sources: Tensor) -> Examples:
    fields = {}
    for view in ("chosen", "rejected"):
        rows = pairs.views[view]
        assert isinstance(rows, Rows)
        average = sources[:, rows.prompt, rows.response] / world.lengths[rows.prompt, rows.response]
        fields[f"{view}_sources"] = average.T
    return pairs.with_fields(**fields)
