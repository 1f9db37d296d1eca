"""Relearning after NPO, and learning for the first time."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import draw_facts, train_memory
from penchant.objectives import build

__all__ = ["Relearns"]


class Relearns(Claim):
    """NPO with a retain term, and a network that never saw the forgotten facts, both taught all of them again."""

    id = "npo-relearning"
    paper = "arXiv:2406.13356"
    sentence = (
        "A network that forgot with NPO and one that never saw the facts are fine-tuned on the same forgotten "
        "facts; the former regains half of the probability in fewer steps."
    )
    methods = ("npo",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "steps until the forgotten answers have a mean probability of 0.5"
    contrasts = (Contrast("never saw them", "npo-retain", smallest=2.0),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """The attack is Adam with the learning rate 0.01 on all forgotten facts."""
        facts = draw_facts(seed)
        forgot = train_memory(facts.memory, build("npo-retain"), facts.view, steps=50, learning_rate=0.01).end
        attack = {"chosen": facts.view["forget"]}
        arms = {}
        for name, network in {"npo-retain": forgot, "never saw them": facts.retrained()}.items():
            trace = train_memory(network, "nll", attack, steps=300, learning_rate=0.01)
            known = (trace.probability(facts.view["forget"]) >= 0.5).nonzero()
            arms[name] = float(known[0]) if len(known) else 300.0
        return arms
