"""Published cases of rewards made of other models' numbers: density ratios and ensembles."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from penchant.objectives.functional.density_ratios import density_ratio
from penchant.objectives.functional.reward_mixtures import ensemble
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["cdr", "reward_ensemble"]

SPECIAL = ("<pad>", "<s>", "</s>")


def _padded(rows: Any) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row, dtype=torch.float64) for row in rows], batch_first=True)


@adapter("cdr")
def cdr(case: Case) -> dict[str, Any]:
    """CDR: one sum per text, and the sum by the strong model's tokens; counted from one token before the response."""
    left_out = SPECIAL if case.params.get("mask_special_tokens", False) else SPECIAL[:1]
    start = case.params["prompt_length"] - 1
    texts = case.inputs["tokens"]
    strong, weak = (_padded(case.inputs[name]) for name in ("strong_logps", "weak_logps"))
    counted = torch.zeros_like(strong, dtype=torch.bool)
    for row, tokens in enumerate(texts):
        for place, token in enumerate(tokens):
            counted[row, place] = place >= start and token not in left_out
    rewards = [density_ratio(strong, weak, counted, counted, average=average) for average in (False, True)]
    return {"reward": rewards[0].tolist(), "mean_reward": rewards[1].tolist()}


@adapter("reward-ensemble")
def reward_ensemble(case: Case) -> dict[str, Any]:
    """Ensembles: the members' scores, already on a common scale, combined in each of the modes that are asked for."""
    members = torch.tensor(case.inputs["member_scores"], dtype=torch.float64)
    coefficient = float(case.params.get("coefficient", 1.0))
    modes = case.params.get("modes", ["Mean", "Worst", "Uncertainty"])
    return {"combined": {mode: ensemble(members, mode.lower(), coefficient).tolist() for mode in modes}}
