"""Rejection-sampling fine-tuning on sums with a verifier."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.sums import Plan
from penchant.lab.worlds.sums.improvement import improve

__all__ = ["RightAnswersTeach"]


class RightAnswersTeach(Claim):
    """A small model trained on partly wrong sums, then on its own right answers."""

    id = "nll-sums"
    paper = "arXiv:2308.01825"
    sentence = (
        "NLL on verified right answers of the model itself raises the accuracy of a small model on held-out sums in "
        "the first round, and further in later ones."
    )
    methods = ("nll",)
    world = "sums of two numbers to 19, 120 of 400 held out; start model trained on 65 % wrong answers"
    quantity = "accuracy of sampled answers to held-out sums"
    contrasts = (
        Contrast("round 1", "start", smallest=0.05),
        Contrast("round 4", "round 1", smallest=0.05),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """280 prompts per round, 12 answers per prompt."""
        start, first, *_, last = improve("rejection-sampling", seed, Plan(rounds=4))
        return {"start": start, "round 1": first, "round 4": last}
