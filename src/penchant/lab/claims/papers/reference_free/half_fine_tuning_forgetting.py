"""Half fine-tuning and what the model knew before."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.skills import draw_skills, tune

__all__ = ["HalfForgetsLess"]


class HalfForgetsLess(Claim):
    """A second skill taught to all weights, and to half of the matrices, until it is known equally well."""

    id = "half-fine-tuning-forgetting"
    paper = "arXiv:2404.18466"
    sentence = (
        "A tiny Llama that knows one table of answers is taught another whose questions have the same words, by "
        "likelihood, until the loss on it is 0.1 nats. Where half of the matrices move, it has forgotten less of the "
        "first table than where all move."
    )
    measures = ("half-fine-tuning",)
    methods = ("nll",)
    world = "Skills: 16 keys and 8 values in each of two tables, a Llama of 2 layers, 32 wide, full batches"
    quantity = "increase of the loss on the first table at equal loss on the second, nats (less is better)"
    contrasts = (Contrast("all weights", "half", smallest=0.1),)
    cost = "language"
    remark = (
        "Embeddings always move, as published, and are a large part of so small a model. The rate, 3e-4, is the one of "
        "3e-4 and 1e-3 at which both forget less on the tuning seeds."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """AdamW at 3e-4 for both; at most 600 steps."""
        skills = draw_skills(seed)
        before = skills.loss(skills.network, "a")
        arms = {}
        for name, part in {"all weights": None, "half": {"name": "half-fine-tuning"}}.items():
            tuned = tune(skills, "b", rate=3e-4, steps=600, parameters=part, until=0.1)
            arms[name] = skills.loss(tuned.network, "a") - before
        return arms
