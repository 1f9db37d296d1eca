"""Unpaired APO-zero on single judgements."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rows, expected_reward, fit_each, sample_judgements
from penchant.objectives import build

__all__ = ["UnpairedAnchor"]


class UnpairedAnchor(Claim):
    """Unpaired APO-zero, KTO, and NLL on the desirable responses."""

    id = "apo-zero-unpaired-thumbs"
    paper = "arXiv:2408.06266"
    sentence = (
        "From 400 judgements, unpaired APO-zero reaches a higher true reward than NLL on the desirable responses, and "
        "that of KTO without its mismatched responses."
    )
    methods = ("apo-zero-unpaired",)
    baselines = ("nll", "kto")
    world = Dials()
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("apo-zero-unpaired", "nll", smallest=0.2),
        Contrast("apo-zero-unpaired", "kto", not_worse_by=0.05),
    )
    remark = (
        "In this world mismatched responses become less likely from the first steps on, so KTO's reference point stays "
        "at 0, and both losses are the same."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, 50 steps."""
        world = self.draw_world(seed)
        judged = sample_judgements(world, seed)
        rows, liked = judged.views["responses"], judged.fields["label"] > 0.5
        assert isinstance(rows, Rows)
        chosen = Examples({"chosen": Rows(rows.prompt[liked], rows.response[liked])})
        examples = {"apo-zero-unpaired": judged, "kto": judged, "nll": chosen}
        fitted = fit_each(world, {arm: build(arm) for arm in examples}, examples, steps=50)
        return {arm: expected_reward(world, policy) for arm, policy in fitted.items()}
