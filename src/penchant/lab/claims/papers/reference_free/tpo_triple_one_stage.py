"""Triple preference optimization in one stage."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rows, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["OneStageWithGold"]


class OneStageWithGold(Claim):
    """The four forms of triple preference optimization, and DPO and CPO without the gold responses."""

    id = "tpo-triple-one-stage"
    paper = "arXiv:2405.16681"
    sentence = (
        "From an untrained base and few noisy pairs, each with a gold response, triple preference optimization in one "
        "stage reaches a higher true reward than DPO and CPO on the same pairs, and as much as DPO on gold against "
        "rejected responses."
    )
    methods = ("tpo-triple", "tpo-triple-hinge", "tpo-triple-ipo", "tpo-triple-l")
    baselines = ("dpo", "cpo")
    world = Dials(prompts=8, responses=8, features=4, reference_spread=0.0, pairs=60, flips=0.1)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("tpo-triple", "dpo", smallest=0.05),
        Contrast("tpo-triple", "cpo", smallest=0.1),
        Contrast("tpo-triple-l", "cpo", smallest=0.1),
        Contrast("tpo-triple", "dpo, gold against rejected", not_worse_by=0.1),
    )
    remark = "What helps is the gold response; DPO that sees it instead of the chosen one learns as much."

    def measure(self, seed: int) -> Mapping[str, float]:
        """The gold response is the best of its prompt; 100 steps, β = 0.2 (TPO) and 0.1 (DPO, CPO)."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        chosen = pairs.views["chosen"]
        assert isinstance(chosen, Rows)
        gold = Rows(chosen.prompt, world.reward.argmax(-1)[chosen.prompt])
        with_gold = pairs.with_view("gold", gold)
        forms = {name: build(name) for name in self.methods}
        methods = {**forms, "dpo": build("dpo"), "dpo, gold against rejected": build("dpo"), "cpo": build("cpo")}
        examples = dict.fromkeys(methods, with_gold)
        differ = with_gold.with_view("chosen", gold)
        examples["dpo, gold against rejected"] = differ
        trained = fit_each(world, methods, examples, steps=100)
        return {name: expected_reward(world, policy) for name, policy in trained.items()}
