"""DPO on the first wrong step and its corrections, against DPO on whole solutions."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.step_corrections import (
    DEPTH,
    OPTIONS,
    PROMPTS,
    of_steps,
    of_wholes,
    pairs,
    solved,
    wrong_solutions,
)
from penchant.lab.worlds.tabular.step_trees import trained
from penchant.objectives import build

__all__ = ["StepCorrections"]


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
