"""An evaluator that is trained by cross-entropy is calibrated."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.objectives import Scored, build

__all__ = ["Calibrated"]

#: Kinds of solutions, and labelled solutions of each.
KINDS, EACH = 20, 40


class Calibrated(Claim):
    """Solutions of several kinds, each of which is right with a probability of its own; one logit for each word."""

    id = "verdict-cross-entropy-calibration"
    paper = "arXiv:2310.10047"
    sentence = (
        "An evaluator that is trained by cross-entropy over the two words says how often solutions of a kind are "
        "right; one that is trained by the margin orders them and says it worse."
    )
    methods = ("verdict-cross-entropy",)
    baselines = ("verdict-margin",)
    world = f"{KINDS} kinds of solutions, right with probabilities from 0.1 to 0.9, {EACH} labelled solutions of each"
    quantity = "mean distance of the evaluator's share from the probability of being right (lower is better)"
    contrasts = (Contrast("verdict-margin", "verdict-cross-entropy", smallest=0.05),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 steps of Adam with a rate of 0.05; pairs of a right and a wrong solution of different kinds."""
        generator = torch.Generator().manual_seed(seed)
        truth = torch.linspace(0.1, 0.9, KINDS, dtype=torch.float64)
        kind = torch.arange(KINDS).repeat_interleave(EACH)
        right = torch.rand(KINDS * EACH, generator=generator, dtype=torch.float64) < truth[kind]
        good, bad = kind[right], kind[~right]
        drawn = (torch.randint(len(each), (400,), generator=generator) for each in (good, bad))
        one, other = (each[place] for each, place in zip((good, bad), drawn, strict=True))
        found = {}
        for name in ("verdict-cross-entropy", "verdict-margin"):
            logits = torch.zeros(KINDS, 2, dtype=torch.float64, requires_grad=True)
            optimizer, objective = torch.optim.Adam([logits], lr=0.05), build(name)
            for _ in range(400):
                optimizer.zero_grad()
                logp = logits.log_softmax(-1)
                if name == "verdict-cross-entropy":
                    inputs = {**_words(logp[kind], ""), "label": right.double()}
                else:
                    inputs = _words(logp[one], "chosen_") | _words(logp[other], "rejected_")
                objective(**inputs).values.mean().backward()
                optimizer.step()
            share = logits.detach().softmax(-1)[:, 0]
            found[name] = float((share - truth).abs().mean())
        return found


def _words(logp: Tensor, side: str) -> dict[str, Scored | Tensor]:
    mask = torch.ones(len(logp), 1, dtype=torch.bool)
    return {
        f"{side}called_{word}": Scored(logp[:, [at]], None, mask) for at, word in enumerate(("correct", "incorrect"))
    }
