"""IRPO raises the relevant item of an answer."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, World, fit_each, log_probabilities, sample_wanted
from penchant.objectives import build

__all__ = ["RelevantItems", "position_of_best"]


class RelevantItems(Claim):
    """IRPO on answers of six items with one relevant, and DPO on the relevant item and one other of each answer."""

    id = "irpo-relevant-items"
    paper = "arXiv:2504.15477"
    sentence = (
        "From 100 answers of six items with one relevant item, IRPO moves the best of ten items up by more than two "
        "places, and further than DPO on the relevant item and one other."
    )
    methods = ("irpo",)
    baselines = ("dpo",)
    seeds = range(5)
    world = Dials(prompts=10, responses=10, temperature=0.5)
    quantity = "mean place of the best item, 1 to 10, in the order of the policy (lower is better)"
    contrasts = (
        Contrast("reference", "irpo", smallest=2.0),
        Contrast("dpo", "irpo", smallest=0.2),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Positions are those of the reference's order; β = 1, 60 steps."""
        world = self.draw_world(seed)
        answers = in_order_of_the_reference(world, sample_wanted(world, seed, 100, 5))
        pairs = sample_wanted(world, seed, 100, 1)
        methods = {"irpo": build("irpo", beta=1.0), "dpo": build("s-dpo", beta=1.0)}
        fitted = fit_each(world, methods, {"irpo": answers, "dpo": pairs}, steps=60)
        found = {arm: position_of_best(world, policy) for arm, policy in fitted.items()}
        return {"reference": position_of_best(world, world.reference), **found}


def in_order_of_the_reference(world: World, answers: Examples) -> Examples:
    """The answers with ``positions``: the place of each item by the reference's likelihood."""
    rows = answers.views["responses"]
    assert not isinstance(rows, list)
    likely = world.reference[rows.prompt, rows.response].view(len(answers), -1)
    places = likely.argsort(-1, descending=True).argsort(-1) + 1
    return answers.with_fields(positions=places.flatten().double())


def position_of_best(world: World, policy: Policy | torch.Tensor) -> float:
    """The mean place of the best item of each prompt."""
    table = log_probabilities(policy)
    own = table.gather(1, world.reward.argmax(-1, keepdim=True))
    return float(1 + (table > own).double().sum(-1).mean())
