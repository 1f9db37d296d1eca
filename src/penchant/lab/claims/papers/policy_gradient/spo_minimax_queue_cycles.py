"""SPO with a queue: win rates against the last samples, in cyclic games."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rounds, World, exploitability, run_rounds, unscaled_group
from penchant.lab.worlds.tabular.pairings import PAIRINGS, Pairing, Samples
from penchant.objectives import build
from penchant.objectives.functional.sampled.baselines import leave_one_out

__all__ = ["AgainstTheLastSamples"]

_SIZE = 16


def _against_queue(queues: dict[int, Tensor]) -> Pairing:
    """Win rates against the queue of each prompt, less the mean of the other samples'; the first round among itself."""

    def build_groups(world: World, samples: Samples) -> Examples:
        rates = []
        for prompt, own in zip(samples.prompt.tolist(), samples.response, strict=True):
            rivals = queues.get(prompt, own)
            rates.append(world.preference[prompt][own][:, rivals].mean(-1))
            queues[prompt] = torch.cat([queues.get(prompt, own[:0]), own])[-_SIZE:]
        group = torch.arange(len(rates)).repeat_interleave(samples.response.shape[1])
        advantages = leave_one_out(torch.stack(rates).flatten(), group)
        return PAIRINGS["group"](world, samples).with_fields(advantage=advantages)

    return build_groups


class AgainstTheLastSamples(Claim):
    """The mean of the iterates, with win rates against a queue and among the samples of the round."""

    id = "spo-minimax-queue-cycles"
    paper = "arXiv:2401.04056"
    sentence = (
        "With partly cyclic preferences and four samples a round, the mean of the iterates of SPO with a queue of "
        "sixteen is closer to the Nash equilibrium than the reference, and not much further than with win rates among "
        "the samples of the round."
    )
    measures = ("spo-minimax-queue",)
    methods = ("dr-grpo",)
    world = Dials(prompts=4, responses=5, cycles=0.7)
    quantity = "exploitability: win rate of the best response minus one half (lower is closer)"
    contrasts = (Contrast("reference", "queue", smallest=0.01), Contrast("among", "queue", not_worse_by=0.02))
    seeds = range(30)
    remark = (
        "Comparing four samples with sixteen earlier ones costs four times the comparisons and gains nothing here; "
        "what the queue is for is a single sample, or a judge of two."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """120 rounds of one step at the rate 40, the better of 10 and 40 on three tuning seeds."""
        world = self.draw_world(seed)
        found = {"reference": exploitability(world, world.reference)}
        for arm, pairing in (("queue", _against_queue({})), ("among", unscaled_group)):
            plan = Rounds(pairing, rounds=120, samples=4, steps=1, optimizer="sgd", learning_rate=40.0)
            visited = run_rounds(world, build("dr-grpo", max_completion_length=4), plan, seed=seed)
            mean = torch.stack([policy().detach().exp() for policy in visited[1:]]).mean(0)
            found[arm] = exploitability(world, mean.log())
        return found
