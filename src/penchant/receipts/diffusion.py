"""Published cases of denoisers: errors or predictions in, gradients with respect to errors or predictions out.

The log-likelihood of a denoiser is −h · error up to a constant (h is ``half_factor``). So published errors become views
of ordinary objectives, and gradients with respect to log-likelihoods become gradients with respect to errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.likelihood.noise import NoiseSchedule
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.denoising_errors import HALF, mean_error
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["diffusion_dpo", "diffusion_kto", "mapo", "plain_errors", "view_of_errors"]

SIDES = {"winner": "chosen", "loser": "rejected"}
MODELS = ("policy", "reference")

# By side, then by model.
Errors = dict[str, dict[str, Tensor]]


def plain_errors(inputs: Mapping[str, Any], view: str, model: str) -> list[float] | None:
    """The errors of a view under a model: computed from its predictions if given, otherwise as stated.

    Args:
        inputs: ``{"target": {view: [...]}, "MODEL_prediction": {view: [...]}}`` or ``{"errors": {view: {model: []}}}``.
        view: ``winner`` or ``loser``.
        model: ``policy`` or ``reference``.

    Returns:
        One error per sample, or None if there are none.

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
    """A view in plain numbers: one single-token response per error.

    Example:
        >>> view_of_errors([2.0], None, 0.5)
        {'policy': [[-1.0]], 'reference': None}
    """
    sides = {"policy": policy, "reference": reference}
    return {
        name: None if errors is None else [[-half_factor * error] for error in errors] for name, errors in sides.items()
    }


@adapter("mapo")
def mapo(case: Case) -> dict[str, Any]:
    """MaPO: errors or predictions in, gradients with respect to errors out."""
    objective, half = build(case.method, **case.params), case.params.get("half_factor", HALF)
    errors = {side: plain_errors(case.inputs, side, "policy") for side in SIDES}
    views = {SIDES[side]: view_of_errors(given or [], None, half) for side, given in errors.items()}
    found = evaluate_plainly(objective, views)
    grad = {
        f"{side}.policy_error": [-half * row[0] for row in found["grad"][f"{view}.policy"]]
        for side, view in SIDES.items()
    }
    return {**found, "errors": {side: {"policy": given} for side, given in errors.items()}, "grad": grad}


@adapter("diffusion-kto")
def diffusion_kto(case: Case) -> dict[str, Any]:
    """Diffusion-KTO: errors and labels in, gradients with respect to errors out."""
    objective, half = build(case.method, **case.params), case.params.get("half_factor", HALF)
    errors = case.inputs["errors"]
    responses = view_of_errors(errors["policy"], errors["reference"], half)
    found = evaluate_plainly(objective, {"responses": responses, "labels": case.inputs["labels"]})
    grad = [-half * row[0] for row in found["grad"]["responses.policy"]]
    return {**found, "grad": {"policy_error": grad}, "reference_point": found["reference_point"][0]}


#: The objectives of the published loss types.
LOSSES = {"sigmoid": "dpo", "hinge": "slic-hinge", "ipo": "ipo"}


def _loss_id(case: Case) -> str:
    return LOSSES[case.params.get("loss_type", "sigmoid")]


@adapter("diffusion-dpo", evaluates=_loss_id)
def diffusion_dpo(case: Case) -> dict[str, Any]:
    """Diffusion-DPO: errors, margin, loss and gradients, through the ordinary pairwise objectives.

    log π = −h · error;   margin = β ((log π − log π_ref)_winner − (log π − log π_ref)_loser)

    Parameters are ``beta``, ``loss_type``, ``half_factor``, ``prediction_type``; inputs are targets (or, for flows,
    latents, noise and sigma) and predictions of both models, or errors alone. Results are ``errors``, ``logits``,
    ``margin``, ``loss``, ``implicit_accuracy``, ``grad``, and for flows ``noisy_latents``.
    """
    half, beta = float(case.params.get("half_factor", HALF)), float(case.params.get("beta", 5000.0))
    target, noised = _targets(case)
    predicted = {name: _tensors(case.inputs.get(f"{name}_prediction")) for name in MODELS}
    errors = _errors(case, predicted, target)
    views = {view: _scored(errors[side], half) for side, view in SIDES.items()}
    sums = {"average_log_prob": False} if _loss_id(case) == "ipo" else {}
    loss = build(_loss_id(case), beta=beta, **sums)(**views).values.mean()
    logits = (views["chosen"].logratio - views["rejected"].logratio).detach()
    leaves = [errors[side]["policy"] for side in SIDES]
    grad: dict[str, Any] = {
        f"{side}.policy_error": each
        for side, each in zip(SIDES, torch.autograd.grad(loss, leaves, retain_graph=True), strict=True)
    }
    if predicted["policy"] and target:
        by_prediction = torch.autograd.grad(loss, [predicted["policy"][side] for side in SIDES])
        grad["policy_prediction"] = dict(zip(SIDES, by_prediction, strict=True))
    return noised | {
        "errors": {side: {name: each.detach() for name, each in errors[side].items()} for side in SIDES},
        "logits": logits,
        "margin": beta * logits,
        "loss": loss.item(),
        "implicit_accuracy": (logits > 0).double().mean().item(),
        "grad": grad,
    }


def _tensors(given: Mapping[str, Any] | None) -> dict[str, Tensor]:
    return {} if given is None else {side: torch.tensor(given[side], dtype=torch.float64) for side in SIDES}


def _scored(errors: Mapping[str, Tensor], half: float) -> Scored:
    likelihood = {name: -half * each[:, None] for name, each in errors.items()}
    mask = torch.ones_like(likelihood["policy"], dtype=torch.bool)
    return Scored(likelihood["policy"], likelihood["reference"], mask)


def _errors(case: Case, predicted: Mapping[str, Mapping[str, Tensor]], target: Mapping[str, Tensor]) -> Errors:
    """Computed from predictions and targets if given, otherwise as stated; those of the policy have gradients."""
    errors: Errors = {side: {} for side in SIDES}
    for side in SIDES:
        for name, each in predicted.items():
            if each and target:
                mean = mean_error(each[side].requires_grad_(name == "policy"), target[side])
                elements = target[side][0].numel() if case.params.get("pixel_reduction") == "sum" else 1
                errors[side][name] = mean * elements
            else:
                stated = torch.tensor(case.inputs["errors"][side][name], dtype=torch.float64)
                errors[side][name] = stated.requires_grad_(name == "policy")
    return errors


def _targets(case: Case) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The regression targets of the network, and for flows the noised samples."""
    inputs = case.inputs
    if case.params.get("prediction_type") != "flow" or "latents" not in inputs:
        return _tensors(inputs.get("target")), {}
    clean, noise = _tensors(inputs["latents"]), torch.tensor(inputs["noise"], dtype=torch.float64)
    sigma = torch.tensor(inputs["sigma"], dtype=torch.float64)
    schedule, level = NoiseSchedule(1 - sigma, sigma, sigma, "flow"), torch.arange(len(sigma))
    target = {side: schedule.target(each, noise, level) for side, each in clean.items()}
    return target, {"noisy_latents": {side: schedule.mixed(each, noise, level) for side, each in clean.items()}}
