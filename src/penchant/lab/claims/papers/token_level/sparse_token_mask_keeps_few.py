"""Sparse token masks keep few tokens."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Scoring, fit_each, log_probabilities, ranking_accuracy, sample_pairs
from penchant.objectives import build

__all__ = ["FewTokensCarryTheContrast"]


class FewTokensCarryTheContrast(Claim):
    """Masks learned with and without a sparsity penalty, in a world where few tokens carry the log-ratio."""

    id = "sparse-token-mask-keeps-few"
    paper = "arXiv:2410.13828"
    sentence = (
        "With a sparsity penalty, learned masks drop most tokens, and pairs are ranked about as well as with DPO on "
        "all tokens."
    )
    methods = ("sparse-token-mask",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=6, features=6, shortest=8, longest=8, uneven=0.9, pairs=400)
    quantity = "mean mask of a token, or ranking accuracy of log-ratios"
    contrasts = (
        Contrast("mask, free", "mask, priced", smallest=0.3),
        Contrast("accuracy, priced", "accuracy, dpo", not_worse_by=0.1),
    )
    remark = (
        "In a table, response features and token position replace hidden states. The masks do drop tokens, but all "
        "tokens of a response carry the same information here, so dropping tokens removes signal as well as noise."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """150 steps, λ = 0.003 with the penalty."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)

        def accuracy(policy: object) -> float:
            return ranking_accuracy(world, log_probabilities(policy) - world.reference)  # type: ignore[arg-type]

        prices = {"free": 0.0, "priced": 0.003}
        methods = {name: build("sparse-token-mask", **{"lambda": price}) for name, price in prices.items()}
        trained = fit_each(world, {"dpo": build("dpo"), **methods}, pairs, steps=150)
        arms = {"accuracy, dpo": accuracy(trained["dpo"])}
        for name, method in methods.items():
            inputs = Scoring(world, method, pairs, world.reference)(log_probabilities(trained[name]))
            arms[f"mask, {name}"] = float(method(**inputs).statistics["mask/chosen"].mean())
            arms[f"accuracy, {name}"] = accuracy(trained[name])
        return arms
