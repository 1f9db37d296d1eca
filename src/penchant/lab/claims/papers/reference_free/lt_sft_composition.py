"""Sparse and dense differences of two tasks, added up."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.skills import added_up, draw_skills, tune

__all__ = ["SparseComposesBetter"]

#: Share of the weights that move, and learning rates.
RATIO, SPARSE, DENSE = 0.1, 3e-3, 1e-3


class SparseComposesBetter(Claim):
    """Two skills learned apart, from one model, by sparse and by dense changes, and both changes added to it."""

    id = "lt-sft-composition"
    paper = "arXiv:2110.07560"
    sentence = (
        "Two tables of answers with the same words are learned apart from one tiny Llama. The sum of the two "
        "lottery-ticket sparse differences gives the right answers of both more probability than the sum of the two "
        "dense differences."
    )
    measures = ("lt-sft",)
    methods = ("nll",)
    world = "Skills: 16 keys and 8 values in each of three tables, a Llama of 2 layers, 32 wide, full batches"
    quantity = "mean probability of the right answers over both tables, 0 to 1"
    contrasts = (Contrast("sparse, composed", "dense, composed", smallest=0.02),)
    seeds = range(5)
    cost = "language"
    remark = (
        "Ratio (of 0.05, 0.1 and 0.25) and rates are chosen on the tuning seeds. The tables are random and share all "
        "words, so the two changes have more in common than those of a language and a task."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Dense until the loss is 0.1 nats, at most 400 steps; sparse with 200 steps, half of them for the mask."""
        skills = draw_skills(seed)
        part = {"name": "lt-sft", "ratio": RATIO}
        dense = [tune(skills, each, rate=DENSE, steps=400, until=0.1).network for each in "bc"]
        sparse = [tune(skills, each, rate=SPARSE, steps=200, parameters=part).network for each in "bc"]
        arms = {}
        for name, tuned in (("dense", dense), ("sparse", sparse)):
            arms[f"{name}, composed"] = skills.likelihood(added_up(skills.network, tuned), "bc")
            arms[f"{name}, alone"] = skills.likelihood(tuned[0], "b")
        return arms
