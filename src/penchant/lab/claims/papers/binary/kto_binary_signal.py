"""KTO learns from binary labels, also if few responses are desirable."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rows,
    expected_reward,
    fit_each,
    sample_judgements,
    sample_pairs,
)
from penchant.objectives import build

__all__ = ["BinarySignal"]


class BinarySignal(Claim):
    """KTO on labelled responses, NLL on the desirable ones, and DPO on the same number of responses in pairs."""

    id = "kto-binary-signal"
    paper = "arXiv:2402.01306"
    sentence = (
        "From 400 single responses with binary labels, KTO reaches a higher true reward than NLL on the desirable "
        "ones, also after removing nine of ten desirable responses."
    )
    methods = ("kto",)
    baselines = ("nll", "dpo")
    world = Dials()
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("kto", "nll", smallest=0.2),
        Contrast("kto, few desirable", "nll, few desirable", smallest=0.15),
    )
    remark = (
        "With few desirable responses their weight balances the two labels, as the paper recommends. DPO, shown for "
        "comparison, uses the same number of responses, as pairs for the same prompt."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 judgements or 200 pairs, β = 0.1, 50 steps."""
        world = self.draw_world(seed)
        judged = sample_judgements(world, seed)
        few, weight = _few_desirable(judged, seed)
        examples = {
            "kto": judged,
            "nll": _desirable(judged),
            "kto, few desirable": few,
            "nll, few desirable": _desirable(few),
            "dpo": sample_pairs(world, seed, count=200),
        }
        methods = {
            "kto": build("kto", beta=0.1),
            "nll": build("nll"),
            "kto, few desirable": build("kto", beta=0.1, desirable_weight=weight),
            "nll, few desirable": build("nll"),
            "dpo": build("dpo", beta=0.1),
        }
        fitted = fit_each(world, methods, examples, steps=50)
        return {arm: expected_reward(world, policy) for arm, policy in fitted.items()}


def _picked(judged: Examples, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Prompt, response and label of the kept examples."""
    rows = judged.views["responses"]
    assert isinstance(rows, Rows)
    return rows.prompt[kept], rows.response[kept], judged.fields["label"][kept]


def _desirable(judged: Examples) -> Examples:
    prompt, response, _ = _picked(judged, judged.fields["label"] > 0.5)
    return Examples({"chosen": Rows(prompt, response)})


def _few_desirable(judged: Examples, seed: int) -> tuple[Examples, float]:
    """The judgements with one in ten of the desirable responses, and the weight that balances the labels."""
    generator = torch.Generator().manual_seed(seed)
    liked = judged.fields["label"] > 0.5
    drawn = torch.rand(len(liked), generator=generator, dtype=torch.float64) < 0.1
    prompt, response, label = _picked(judged, ~liked | drawn)
    views = {"responses": Rows(prompt, response), "mismatched": Rows(prompt, response.roll(-1))}
    return Examples(views, {"label": label}), float((label < 0.5).sum() / (label > 0.5).sum().clamp(min=1))
