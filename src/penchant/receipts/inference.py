"""Published cases of inference time."""

from __future__ import annotations

from typing import Any

import torch

from penchant.inference.mixtures import eft_logits
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["emulated_fine_tuning"]


@adapter("eft")
def emulated_fine_tuning(case: Case) -> dict[str, Any]:
    """Emulated fine-tuning: combined logits and their softmax; without a reference the base is the reference."""

    def tensor(values: Any) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64)

    inputs = case.inputs
    tuned = [tensor(each) for each in inputs["tuned_logits"]]
    reference = inputs.get("reference_logits")
    combined = eft_logits(
        tensor(inputs["base_logits"]),
        tuned,
        None if reference is None else tensor(reference),
        case.params.get("weights", [1.0] * len(tuned)),
    )
    return {"combined_logits": combined.tolist(), "probabilities": combined.softmax(-1).tolist()}
