"""PDU and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts
from penchant.objectives import build

__all__ = ["PDUKeeps"]


class PDUKeeps(Claim):
    """PDU against gradient ascent; beside it its forget term without the dual variable."""

    id = "pdu-retained-facts"
    paper = "arXiv:2506.05314"
    sentence = (
        "Flat logits under a bound of 0.05 nats on the NLL of what is retained make the forgotten answers about "
        "as likely as any other and keep the rest, where gradient ascent destroys both."
    )
    methods = ("pdu",)
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("pdu, retain", "gradient ascent, retain", smallest=0.2),
        Contrast("pdu, retain", "pdu, forget", smallest=0.5),
    )
    remark = "The forget term alone disturbs the rest little in this network, so the dual variable has little to do."

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(
            seed,
            {
                "gradient ascent": "gradient-ascent",
                "pdu": build("pdu", epsilon=0.05),
                "pdu without its dual variable": build("pdu", epsilon=0.05, warm_up=10**6),
            },
        )
