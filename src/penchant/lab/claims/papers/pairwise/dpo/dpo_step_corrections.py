"""DPO on the first wrong step and its corrections, against DPO on whole solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.step_trees import scored, trained
from penchant.objectives import Objective, Scored, build

__all__ = ["StepCorrections"]

PROMPTS, DEPTH, OPTIONS = 8, 6, 5
WRONG, SAMPLES = 60, 8


class Corrected(NamedTuple):
    """Wrong solutions with right ones: of pair i the first ``depth[i]`` steps are the same, and the next is wrong."""

    prompt: Tensor
    right: Tensor
    wrong: Tensor
    depth: Tensor


class StepCorrections(Claim):
    """A policy over six steps of five options each; one option of each step is right."""

    id = "dpo-step-corrections"
    paper = "arXiv:2406.18629"
    sentence = (
        "From 60 wrong solutions of six steps, DPO on the first wrong step against the first steps of continuations "
        "that reach the right answer solves more than DPO on the same corrected and wrong solutions as wholes, and "
        "than DPO on pairs of whole solutions from as many samples."
    )
    methods = ("dpo",)
    world = "eight prompts with six steps of five options, one of them right, as a table of logits"
    quantity = "probability that all six steps are right"
    contrasts = (
        Contrast("step pairs", "corrected wholes", smallest=0.03),
        Contrast("step pairs", "sampled wholes", smallest=0.03),
    )
    remark = (
        "The steps of a table share nothing, so a pair of steps says nothing of later steps, while the right solution "
        "of a pair of wholes shows all that follow. β = 0.05 is the best of three for each arm on the tuning seeds; so "
        "it was with rarer right steps. Where solutions are long texts, a pair of steps has a fraction of their tokens."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Eight samples for each wrong solution, after the steps before the wrong one or from the start; 100 steps."""
        generator = torch.Generator().manual_seed(seed)
        right = torch.randint(OPTIONS, (PROMPTS, DEPTH), generator=generator)
        table = torch.randn(PROMPTS, DEPTH, OPTIONS, generator=generator, dtype=torch.float64)
        reference = table.scatter_add(2, right[..., None], torch.full_like(table[..., :1], 2.5)).log_softmax(-1)
        prompt, wrong, depth = wrong_solutions(right, reference, generator)
        continued = pairs(right, reference, prompt, wrong, depth, generator)
        whole = pairs(right, reference, prompt, wrong, torch.zeros_like(depth), generator)
        single, several = build("dpo", beta=0.05), build("dpo", beta=0.05)
        arms = {
            "step pairs": trained(lambda policy: of_steps(single, continued, policy, reference), reference),
            "corrected wholes": trained(lambda policy: of_wholes(several, continued, policy, reference), reference),
            "sampled wholes": trained(lambda policy: of_wholes(several, whole, policy, reference), reference),
        }
        found = {arm: solved(policy, right) for arm, policy in arms.items()}
        return {"reference": solved(reference, right)} | found


def wrong_solutions(right: Tensor, reference: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Prompts, solutions of the reference that are wrong, and the number of right steps with which they begin."""
    prompt = torch.randint(PROMPTS, (20 * WRONG,), generator=generator)
    drawn = sampled(reference, prompt, 1, generator)[:, 0]
    agreed = (drawn == right[prompt]).long().cumprod(-1).sum(-1)
    kept = (agreed < DEPTH).nonzero().flatten()[:WRONG]
    return prompt[kept], drawn[kept], agreed[kept]


def pairs(
    right: Tensor, reference: Tensor, prompt: Tensor, wrong: Tensor, depth: Tensor, generator: torch.Generator
) -> Corrected:
    """Each wrong solution with every right one among the samples that go on after its first ``depth`` steps."""
    drawn = sampled(reference, prompt, SAMPLES, generator)
    begun = torch.arange(DEPTH) < depth[:, None]
    drawn = torch.where(begun[:, None], wrong[:, None], drawn)
    row, sample = (drawn == right[prompt][:, None]).all(-1).nonzero(as_tuple=True)
    return Corrected(prompt[row], drawn[row, sample], wrong[row], depth[row])


def sampled(reference: Tensor, prompt: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[R, count, steps] options of the reference."""
    chances = reference[prompt].exp().flatten(0, 1)
    return torch.multinomial(chances, count, True, generator=generator).unflatten(0, (-1, DEPTH)).transpose(1, 2)


def of_steps(objective: Objective, given: Corrected, policy: Tensor, reference: Tensor) -> Tensor:
    """The mean loss of the first wrong steps against their corrections."""
    rows = torch.arange(len(given.prompt))
    views = {}
    for name, solutions in (("chosen", given.right), ("rejected", given.wrong)):
        place = (given.prompt, given.depth, solutions[rows, given.depth])
        own, other = policy[place][:, None], reference[place][:, None]
        views[name] = Scored(own, other, torch.ones_like(own) > 0)
    return objective(**views).values.mean()


def of_wholes(objective: Objective, given: Corrected, policy: Tensor, reference: Tensor) -> Tensor:
    """The mean loss of the wrong solutions against the right ones."""
    sides = {"chosen": given.right, "rejected": given.wrong}
    views = {name: scored(policy, reference, given.prompt, each) for name, each in sides.items()}
    return objective(**views).values.mean()


def solved(policy: Tensor, right: Tensor) -> float:
    """The mean probability that all steps are right."""
    return float(policy.gather(-1, right[..., None]).squeeze(-1).sum(-1).exp().mean())
