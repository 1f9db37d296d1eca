"""IDK-DPO and what is left of the answers."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import draw_facts, train_memory
from penchant.objectives import build

__all__ = ["ForgetsFurther"]


class ForgetsFurther(Claim):
    """IDK-DPO with a retain term against IDK."""

    id = "idk-dpo-forgets-further"
    paper = "arXiv:2404.05868"
    sentence = (
        "A preference for the refusal pushes the answer itself down, so it becomes less likely than imitation of "
        "refusals alone makes it, with the rest kept by a retain term."
    )
    methods = ("idk-dpo",)
    baselines = ("idk",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean log-probability after 150 steps, nats"
    seeds = range(6)
    contrasts = (
        Contrast("idk, forget", "idk-dpo, forget", smallest=5.0),
        Contrast("idk-dpo, retain", "idk, retain", not_worse_by=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        facts = draw_facts(seed)
        arms = {}
        for name, objective in {"idk": "idk", "idk-dpo": "idk-dpo-retain"}.items():
            trace = train_memory(facts.memory, build(objective), facts.view, steps=150, learning_rate=0.01)
            for view in ("forget", "retain"):
                arms[f"{name}, {view}"] = float(trace.of(facts.view[view])[-1].mean())
        return arms
