"""PDU and its bound."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import draw_facts, train_memory
from penchant.objectives import build

__all__ = ["KeepsItsBound"]


class KeepsItsBound(Claim):
    """PDU with its dual variable, and without it."""

    id = "pdu-retain-bound"
    paper = "arXiv:2506.05314"
    sentence = (
        "The dual variable keeps the NLL of what is retained at its bound of 0.05 nats; the same forget term "
        "without it does not, while both make the forgotten answers as likely as any other."
    )
    methods = ("pdu",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "NLL of the retained answers after 200 steps, nats"
    contrasts = (
        Contrast("without the dual variable", "pdu", smallest=0.02),
        Contrast(0.07, "pdu", smallest=0.005),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 200 steps, several times what forgetting needs."""
        facts = draw_facts(seed)
        arms = {}
        for name, warm_up in (("pdu", 0), ("without the dual variable", 10**6)):
            objective = build("pdu", epsilon=0.05, warm_up=warm_up)
            trace = train_memory(facts.memory, objective, facts.view, steps=200, learning_rate=0.01)
            arms[name] = -float(trace.of(facts.view["retain"])[-1].mean())
        return arms
