"""Denoising errors given as plain numbers, read as the likelihoods that objectives see.

A denoiser's log-likelihood is −h · error up to a constant (h is ``half_factor``), so published numbers that are errors
become the views of an ordinary objective, and gradients by log-likelihood become gradients by error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["HALF", "mean_error", "plain_errors", "view_of_errors"]

#: The factor h of the evidence lower bound: log-likelihood = −h · error.
HALF = 0.5


def mean_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each sample over all its elements, in float32 or wider.

    error = (1 / D) Σ_d (prediction_d − target_d)²

    Args:
        prediction: [N, ...] what the network said.
        target: [N, ...] what it should have said.

    Returns:
        [N].

    Example:
        >>> mean_error(torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 1.0]]))
        tensor([2.])
    """
    wide = torch.promote_types(prediction.dtype, torch.float32)
    return (prediction.to(wide) - target.to(wide)).square().flatten(1).mean(1)


def plain_errors(inputs: Mapping[str, Any], view: str, model: str) -> list[float] | None:
    """The errors of one view under one model: from its predictions where they are given, else as they are stated.

    Args:
        inputs: ``{"target": {view: [...]}, "MODEL_prediction": {view: [...]}}`` or ``{"errors": {view: {model: []}}}``.
        view: ``winner`` or ``loser``.
        model: ``policy`` or ``reference``.

    Returns:
        One error a sample, or None where there is none.

    Example:
        >>> plain_errors({"target": {"winner": [[1.0]]}, "policy_prediction": {"winner": [[3.0]]}}, "winner", "policy")
        [4.0]
    """
    predictions = inputs.get(f"{model}_prediction")
    if predictions is not None and "target" in inputs:
        pair = (torch.tensor(each[view], dtype=torch.float64) for each in (predictions, inputs["target"]))
        return mean_error(*pair).tolist()
    stated = inputs.get("errors", {}).get(view, {}).get(model)
    return None if stated is None else [float(error) for error in stated]


def view_of_errors(
    policy: Sequence[float], reference: Sequence[float] | None, half_factor: float
) -> dict[str, list[list[float]] | None]:
    """A view for `penchant.objectives.core.evaluate`: one response of one value for each error.

    Example:
        >>> view_of_errors([2.0], None, 0.5)
        {'policy': [[-1.0]], 'reference': None}
    """
    sides = {"policy": policy, "reference": reference}
    return {
        name: None if errors is None else [[-half_factor * error] for error in errors] for name, errors in sides.items()
    }
