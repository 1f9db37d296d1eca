"""MAPL on prompts with several instructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, Rows, World, fit_each, log_probabilities, pair_examples
from penchant.objectives import build

__all__ = ["SeveralInstructions"]

#: Which of three instructions a prompt contains, or a response follows, [8, 3].
_BITS = torch.tensor([[number >> place & 1 for place in range(3)] for number in range(8)], dtype=torch.float64)
_VALUE = torch.tensor([1, 2, 4])


class SeveralInstructions(Claim):
    """MAPL and DPO trained on prompts with one instruction, evaluated on prompts with two and three."""

    id = "mapl-several-instructions"
    paper = "arXiv:2505.12845"
    sentence = (
        "Trained on prompts with one instruction, MAPL's comparisons of prompts and of margins make the policy follow "
        "all instructions of a longer prompt more often than DPO."
    )
    methods = ("mapl",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8)
    quantity = "probability that a response follows all of two or three instructions"
    contrasts = (Contrast("mapl", "dpo", smallest=0.05),)

    def draw_world(self, seed: int) -> World:
        """Prompts and responses are sets of instructions; features are all products of the two."""
        features = torch.einsum("xc,yd->xycd", 2 * _BITS - 1, 2 * _BITS - 1).reshape(8, 8, 9)
        return replace(super().draw_world(seed), features=features)

    def measure(self, seed: int) -> Mapping[str, float]:
        """30 pairs, 100 steps."""
        world = self.draw_world(seed)
        pairs = _pairs(world, seed)
        arms = {"reference": _obeyed(world.reference)}
        runs = {"mapl": build("mapl"), "mapl, prompts alone": build("mapl", inter_weight=0.0)}
        runs |= {"mapl, margins alone": build("mapl", intra_weight=0.0), "dpo": build("dpo")}
        for arm, policy in fit_each(world, runs, pairs, steps=100, learning_rate=0.05).items():
            arms[arm] = _obeyed(policy)
        return arms


def _pairs(world: World, seed: int) -> Examples:
    """The chosen response follows the instruction, the rejected one does not; the rest of both is random."""
    generator = torch.Generator().manual_seed(seed)
    asked = torch.randint(3, (30,), generator=generator)
    prompt = _VALUE[asked]
    chosen, rejected = torch.randint(8, (2, 30), generator=generator)
    chosen, rejected = chosen | prompt, rejected & ~prompt
    longer = prompt | (chosen & ~rejected)  # further instructions that only the chosen response follows
    has = (longer != prompt).nonzero().flatten()
    pairs = pair_examples(world, prompt, chosen, rejected)
    views = {
        "chosen_matching": Rows(chosen.clone(), chosen),
        "chosen_altered": Rows(7 - chosen, chosen),
        "chosen_extended": Rows(longer[has], chosen[has], has),
        "rejected_extended": Rows(longer[has], rejected[has], has),
    }
    for name, rows in views.items():
        pairs = pairs.with_view(name, rows)
    return pairs


def _obeyed(policy: Policy | Tensor) -> float:
    several = _BITS.sum(-1) > 1
    obeys = (_BITS.unsqueeze(0) >= _BITS.unsqueeze(1)).all(-1)
    return float((log_probabilities(policy).exp() * obeys).sum(-1)[several].mean())
