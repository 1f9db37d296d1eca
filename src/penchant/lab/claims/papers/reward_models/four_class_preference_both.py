"""Four classes where many labels are "both"."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import build

__all__ = ["BothIsData"]


class BothIsData(Claim):
    """Quality is linear in random states; both responses are good or bad where they are on one side of 0 and close."""

    id = "four-class-preference-both"
    paper = "arXiv:2602.23438"
    sentence = (
        "Where about a third of the labels say that both responses are good or both bad, a judge of four classes "
        "orders the decided pairs better than a two-class judge that is given the decided pairs alone."
    )
    methods = ("four-class-preference",)
    baselines = ("bt-reward-model",)
    world = "60 pairs of responses with 8 random features, labelled left, right, both good or both bad, with errors"
    quantity = "accuracy on the decided ones of 2,000 other pairs"
    contrasts = (Contrast("four-class-preference", "bt-reward-model", smallest=0.01),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps; the head with two scores and thresholds."""
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        truth = torch.nn.functional.normalize(torch.randn(8, generator=generator, dtype=torch.float64), dim=0)

        def drawn(count: int, error: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            first, second = random_pairs(generator, count, 8)
            left, right = (
                each @ truth + error * torch.randn(count, generator=generator, dtype=torch.float64)
                for each in (first, second)
            )
            close, good = (left - right).abs() < 0.6, left + right > 0
            return first, second, torch.where(close, torch.where(good, 2, 3), torch.where(left > right, 0, 1))

        first, second, label = drawn(60, 0.5)
        one, two, truly = drawn(2000, 0.0)
        inputs = {"chosen": with_states(first), "rejected": with_states(second), "pair_class": label.double()}
        four = fit_head(build("four-class-preference"), inputs, 8)
        decided = (label < 2).nonzero().flatten()
        swap = (label[decided] == 1).unsqueeze(1)
        good = torch.where(swap, second[decided], first[decided])
        bad = torch.where(swap, first[decided], second[decided])
        single = fit_head(build("bt"), {"chosen": with_states(good), "rejected": with_states(bad)}, 8)
        clear = truly < 2
        better = torch.where((truly == 0).unsqueeze(1), one, two)[clear]
        worse = torch.where((truly == 0).unsqueeze(1), two, one)[clear]
        said = four.log_probabilities(with_states(better), with_states(worse))  # type: ignore[operator]
        return {
            "four-class-preference": float((said[:, 0] > said[:, 1]).double().mean()),
            "bt-reward-model": pair_accuracy(single, better, worse),
        }
