"""KTO as its authors compute it, on single judgements."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rows, expected_reward, fit_each, sample_judgements
from penchant.objectives import build

__all__ = ["AuthorsForm"]


class AuthorsForm(Claim):
    """KTO in the form of HALOs, with and without clamped token ratios, and NLL on the desirable responses."""

    id = "kto-halos-thumbs"
    paper = "arXiv:2402.01306"
    sentence = (
        "From 400 judgements, KTO in the form of its authors' code reaches a higher true reward than NLL on the "
        "desirable responses, and that of the form of TRL."
    )
    methods = ("kto-halos",)
    baselines = ("nll", "kto")
    world = Dials()
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("kto-halos", "nll", smallest=0.2),
        Contrast("kto-halos", "kto", not_worse_by=0.05),
    )
    remark = "Clamped ratios (humanline) are shown for comparison."

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, 50 steps."""
        world = self.draw_world(seed)
        judged = sample_judgements(world, seed)
        single = judged.views["responses"]
        assert isinstance(single, Rows)
        good = judged.fields["label"] > 0.5
        chosen = Examples({"chosen": Rows(single.prompt[good], single.response[good])})
        methods = {
            "kto-halos": build("kto-halos"),
            "kto-halos, humanline": build("kto-halos", humanline=True),
            "kto": build("kto"),
            "nll": build("nll"),
        }
        examples = {arm: chosen if arm == "nll" else judged for arm in methods}
        fitted = fit_each(world, methods, examples, steps=50)
        return {arm: expected_reward(world, policy) for arm, policy in fitted.items()}
