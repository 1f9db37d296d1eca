"""Published cases of diagnostics."""

from __future__ import annotations

from typing import Any

import torch

from penchant.diagnostics.entanglement import entanglement
from penchant.diagnostics.ranking import EPSILON
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["gradient_entanglement", "idealized_ranking_accuracy"]


@adapter("gradient-entanglement")
def gradient_entanglement(case: Case) -> dict[str, Any]:
    """Gradient entanglement: means over pairs, with the condition of the released code (chosen norm only)."""
    gradients = [torch.tensor(case.inputs[name], dtype=torch.float64) for name in ("grad_chosen", "grad_rejected")]
    found = entanglement(*gradients)
    coded = (found.inner / found.chosen_square).mean().item()
    return {**found.summary(), "condition_as_coded": coded}


@adapter("idealized-ranking-accuracy")
def idealized_ranking_accuracy(case: Case) -> dict[str, Any]:
    """Idealised ranking accuracy: outputs in any order, ratios instead of log-ratios, ties within a band around 1."""
    params, inputs = case.params, case.inputs
    means = [
        torch.tensor([sum(row) / len(row) for row in inputs[name]["reference"]], dtype=torch.float64)
        for name in ("output_1", "output_2")
    ]
    share = torch.tensor(inputs["p_first_preferred"], dtype=torch.float64)
    epsilon, band, beta = params.get("eps", EPSILON), params.get("tie_band", 0.05), params["beta"]
    # As published: a denominator of 0 becomes ε, and a numerator of 0 gives the ratio 0.
    human = share / torch.where(share == 1, epsilon, 1 - share)
    ideal = human ** (1 / beta) * torch.exp(means[0] - means[1])
    orders = [torch.where((ratio - 1).abs() <= band, 0.0, torch.sign(ratio - 1)) for ratio in (human, ideal)]
    correct = (orders[0] == orders[1]).long()
    return {
        "human_ratio": human.tolist(),
        "ideal_policy_ratio": ideal.tolist(),
        "correct": correct.tolist(),
        "accuracy": correct.double().mean().item(),
    }
