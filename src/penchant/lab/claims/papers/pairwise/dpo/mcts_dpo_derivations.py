"""MCTS-DPO beside DPO on whole solutions."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.derivations import DERIVATIONS

__all__ = ["StepsTeachMore"]


class StepsTeachMore(Claim):
    """Pairs of steps from a tree search, and pairs of whole solutions, of the same model with the same tokens drawn."""

    id = "cdpo-mcts-derivations"
    paper = "arXiv:2405.00451"
    sentence = (
        "On sums with a written derivation, of which a start model gets fewer than half right, pairs of steps from a "
        "tree search (MCTS-DPO) lead to a higher accuracy than best-against-worst pairs of whole solutions (DPO), with "
        "no more tokens drawn in each round."
    )
    methods = ("cdpo",)
    baselines = ("dpo",)
    world = "sums of four numbers with a line for each step; 240 prompts to train on, 120 held out"
    quantity = "accuracy of sampled solutions of held-out sums"
    contrasts = (
        Contrast("mcts-dpo", "whole solutions", smallest=0.02),
        Contrast("mcts-dpo", "start", smallest=0.03),
    )
    seeds = range(5, 15)
    cost = "language"
    remark = (
        "Each arm at its best of three rates on seeds 1000 to 1002, without a likelihood term. Four rounds, with that "
        "term, moved neither far on seeds 0 to 4, and showed no difference. Seeds 5 to 9 alone decided nothing."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Sixteen rounds of 48 prompts; six whole solutions a prompt are a few more tokens than a tree draws."""
        steps, whole = (DERIVATIONS.improve(method, seed) for method in ("mcts-dpo", "iterative-dpo"))
        drawn = {"tree": steps.mean("sampled/tokens_drawn"), "whole": 6 * whole.mean("sampled/length")}
        return {
            "start": steps.accuracy[0],
            "mcts-dpo": steps.accuracy[-1],
            "whole solutions": whole.accuracy[-1],
            "tokens drawn, tree": drawn["tree"],
            "tokens drawn, whole": drawn["whole"],
        }
