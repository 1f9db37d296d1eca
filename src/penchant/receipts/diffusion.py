"""Diffusion-DPO on plain numbers: noise, errors and scale of this floor, and the ordinary pairwise objectives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.likelihood.noise import NoiseSchedule
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.denoising_errors import mean_error
from penchant.receipts.adapters import receipt

__all__ = ["diffusion_dpo"]

SIDES = {"winner": "chosen", "loser": "rejected"}


def _objective(kind: str, beta: float) -> Objective:
    """The published loss types by the names of their objectives."""
    if kind == "ipo":
        return build("ipo", beta=beta, average_log_prob=False)
    return build({"sigmoid": "dpo", "hinge": "slic-hinge"}[kind], beta=beta)


def _tensors(given: Mapping[str, Any] | None) -> dict[str, Tensor]:
    return {} if given is None else {side: torch.tensor(given[side], dtype=torch.float64) for side in SIDES}


def _errors(params: Mapping[str, Any], said: Tensor, target: Tensor) -> Tensor:
    mean = mean_error(said, target)
    return mean * target[0].numel() if params.get("pixel_reduction") == "sum" else mean


@receipt("diffusion-dpo")
def diffusion_dpo(params: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Errors, margin, loss and gradients of Diffusion-DPO through the ordinary objectives.

    log π = −h · error;   margin = β ((log π − log π_ref)_winner − (log π − log π_ref)_loser)

    Args:
        params: ``beta``, ``loss_type``, ``half_factor``, ``prediction_type``.
        inputs: targets (or, for flows, latents, noise and sigma) and predictions of both models, or errors alone.

    Returns:
        ``errors``, ``logits``, ``margin``, ``loss``, ``implicit_accuracy``, ``grad``, and for flows ``noisy_latents``.
    """
    half, beta = float(params.get("half_factor", 0.5)), float(params.get("beta", 5000.0))
    target, told = _targets(params, inputs)
    said = {name: _tensors(inputs.get(f"{name}_prediction")) for name in ("policy", "reference")}
    errors: dict[str, dict[str, Tensor]] = {side: {} for side in SIDES}
    for side in SIDES:
        for name in said:
            if said[name] and target:
                leaf = said[name][side].requires_grad_(name == "policy")
                errors[side][name] = _errors(params, leaf, target[side])
            else:
                stated = torch.tensor(inputs["errors"][side][name], dtype=torch.float64)
                errors[side][name] = stated.requires_grad_(name == "policy")
    views = {}
    for side, view in SIDES.items():
        likelihood = {name: -half * each[:, None] for name, each in errors[side].items()}
        mask = torch.ones_like(likelihood["policy"], dtype=torch.bool)
        views[view] = Scored(likelihood["policy"], likelihood["reference"], mask)
    loss = _objective(str(params.get("loss_type", "sigmoid")), beta)(**views).values.mean()
    logits = (views["chosen"].logratio - views["rejected"].logratio).detach()
    leaves = [errors[side]["policy"] for side in SIDES]
    grad: dict[str, Any] = {
        f"{side}.policy_error": each
        for side, each in zip(SIDES, torch.autograd.grad(loss, leaves, retain_graph=True), strict=True)
    }
    if said["policy"] and target:
        by_prediction = torch.autograd.grad(loss, [said["policy"][side] for side in SIDES])
        grad["policy_prediction"] = dict(zip(SIDES, by_prediction, strict=True))
    return told | {
        "errors": {side: {name: each.detach() for name, each in errors[side].items()} for side in SIDES},
        "logits": logits,
        "margin": beta * logits,
        "loss": loss.item(),
        "implicit_accuracy": (logits > 0).double().mean().item(),
        "grad": grad,
    }


def _targets(params: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What the network should have said, and for flows the noised samples."""
    if params.get("prediction_type") != "flow" or "latents" not in inputs:
        return _tensors(inputs.get("target")), {}
    clean, noise = _tensors(inputs["latents"]), torch.tensor(inputs["noise"], dtype=torch.float64)
    sigma = torch.tensor(inputs["sigma"], dtype=torch.float64)
    schedule, level = NoiseSchedule(1 - sigma, sigma, sigma, "flow"), torch.arange(len(sigma))
    target = {side: schedule.target(each, noise, level) for side, each in clean.items()}
    return target, {"noisy_latents": {side: schedule.mixed(each, noise, level) for side, each in clean.items()}}
