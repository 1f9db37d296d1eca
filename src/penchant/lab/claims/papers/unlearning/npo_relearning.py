"""Relearning after NPO, and learning for the first time."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import draw_facts, train_memory

__all__ = ["Relearns"]

RATE = 0.003


class Relearns(Claim):
    """NPO with a retain term, and a network that never saw the forgotten facts, both taught all of them again."""

    id = "npo-relearning"
    paper = "arXiv:2406.13356"
    sentence = (
        "A network that forgot with NPO until the facts were as unlikely as for a network that never saw them, "
        "and that network, are taught these facts; the former regains half of the probability in fewer steps."
    )
    methods = ("npo",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "steps until the forgotten answers have a mean probability of 0.5"
    contrasts = (Contrast("never saw them", "npo-retain", smallest=5.0),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.003; forgetting stops at the mean log-probability of the other network."""
        facts = draw_facts(seed)
        lost, never = facts.view["forget"], facts.retrained()
        unknown = float(train_memory(never, "nll", {"chosen": lost}, steps=0, learning_rate=RATE).of(lost).mean())
        path = train_memory(facts.memory, "npo-retain", facts.view, steps=150, learning_rate=RATE)
        stop = path.first_step(lost, unknown)
        forgot = train_memory(facts.memory, "npo-retain", facts.view, steps=stop, learning_rate=RATE).end
        arms = {}
        for name, network in {"npo-retain": forgot, "never saw them": never}.items():
            again = train_memory(network, "nll", {"chosen": lost}, steps=150, learning_rate=RATE)
            known = (again.probability(lost) >= 0.5).nonzero()
            arms[name] = float(known[0]) if len(known) else 150.0
        return arms
