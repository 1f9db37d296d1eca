"""Positive-unlabelled distillation in pair mode: the teacher's answer against the sample that is furthest from it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.chains import Chains, Sampled, build_chains, fit_pairs
from penchant.objectives import build

__all__ = ["AnchorsAgainstTheWorst"]

_ROUNDS, _SAMPLES, _STEPS, _RATE = 10, 8, 3, 0.1


class AnchorsAgainstTheWorst(Claim):
    """Pairs with the anchor as chosen, from a student that was fine-tuned on the anchors."""

    id = "pu-distill-pairs-anchors"
    paper = "arXiv:2601.20687"
    sentence = (
        "From a student that was fine-tuned on one teacher's answer for each prompt, ten rounds of DPO on that answer "
        "against the sample that is furthest from it raise the share of right steps over the fine-tuned student's, and "
        "end no lower than with a random sample in its place, at equal teacher calls."
    )
    measures = ("pu-distill-pairs",)
    methods = ("dpo",)
    world = "chains of five steps with four choices; the teacher's answer is the right one"
    quantity = "expected share of right steps before the first wrong one"
    contrasts = (
        Contrast("furthest", "fine-tuned", smallest=0.1),
        Contrast("furthest", "random", not_worse_by=0.02),
    )
    remark = (
        "A table has nothing to generalise to: likelihood on the anchors for as many steps, shown as a fourth arm, "
        "ends higher than either kind of pair."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Four short steps of fine-tuning; ten rounds of eight samples, three steps each. Nothing is tuned."""
        drawn = build_chains(seed)
        start = _imitate(drawn, drawn.reference, 4)
        world = Chains(start, drawn.right)
        return {
            "fine-tuned": world.expected_steps(start),
            "fine-tuned on": world.expected_steps(_imitate(drawn, start, _ROUNDS * _STEPS)),
            "furthest": world.expected_steps(_pairs(world, seed, furthest=True)),
            "random": world.expected_steps(_pairs(world, seed, furthest=False)),
        }


def _shown(world: Chains) -> Sampled:
    """The teacher's answers."""
    return Sampled(torch.arange(len(world.right)), world.right, torch.ones_like(world.right))


def _imitate(world: Chains, start: Tensor, steps: int) -> Tensor:
    logits = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=_RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        (-_shown(world).chosen(logits.log_softmax(-1)).sum(-1).mean()).backward()
        optimizer.step()
    return logits.log_softmax(-1).detach()


def _pairs(world: Chains, seed: int, *, furthest: bool) -> Tensor:
    """Rounds of DPO, each from the last policy and against it."""
    generator = torch.Generator().manual_seed(seed)
    policy, prompts = world.reference, torch.arange(len(world.right))
    for _ in range(_ROUNDS):
        sampled = world.sample(policy, prompts.repeat_interleave(_SAMPLES), generator)
        close = (sampled.tokens == world.right[sampled.prompt]).sum(-1).reshape(-1, _SAMPLES)
        rows = prompts * _SAMPLES + (close.argmin(-1) if furthest else 0)
        rejected = Sampled(prompts, sampled.tokens[rows], sampled.on_track[rows])
        now = Chains(policy, world.right)
        policy = fit_pairs(now, build("dpo"), (_shown(world), rejected), steps=_STEPS, learning_rate=_RATE)
    return policy
