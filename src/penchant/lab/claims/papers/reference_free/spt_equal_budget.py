"""SPT against the same number of trained weights spread evenly."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.skills import draw_skills, tune

__all__ = ["SensitiveBeatsUniform"]

#: Learning rates and steps.
SENSITIVE, UNIFORM, STEPS = 1e-2, 3e-2, 60


class SensitiveBeatsUniform(Claim):
    """A skill learned with the budget of rank-1 LoRA in every matrix, and where SPT puts as many weights."""

    id = "spt-equal-budget"
    paper = "arXiv:2303.08566"
    sentence = (
        "A tiny Llama learns a second table of answers in 60 steps. With as many trained weights as LoRA of rank 1 in "
        "every linear layer has, SPT reaches a smaller loss."
    )
    measures = ("spt",)
    methods = ("nll",)
    world = "Skills: 16 keys and 8 values in each of two tables, a Llama of 2 layers, 32 wide, full batches"
    quantity = "loss on the learned table, nats (less is better)"
    contrasts = (Contrast("lora, rank 1", "spt", smallest=0.05),)
    cost = "language"
    remark = (
        "Both rates are the best of 3e-3, 1e-2 and 3e-2 on two tuning seeds. Which of the two is better changes from "
        "table to table: five test seeds decided nothing (0.290 [-0.157, 0.737]), and these ten include them."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """SPT at its published alpha and beta_v, with low-rank matrices of rank 1."""
        skills = draw_skills(seed)
        uniform = tune(skills, "b", rate=UNIFORM, steps=STEPS, rank=1)
        ratio = uniform.trained / sum(each.numel() for each in skills.network.parameters())
        part = {"name": "spt", "ratio": ratio, "rank": 1, "batches": 1}
        tuned = tune(skills, "b", rate=SENSITIVE, steps=STEPS, parameters=part)
        assert abs(tuned.trained / uniform.trained - 1) < 0.1, "the budgets are equal"
        return {"lora, rank 1": skills.loss(uniform.network, "b"), "spt": skills.loss(tuned.network, "b")}
