"""What a finished run leaves behind: a model that loads anywhere, its card, and the numbers for the report."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import torch
from torch import nn

from penchant import __version__
from penchant.evaluation.heldout import HeldOut
from penchant.evaluation.metrics import win
from penchant.statistics import Interval, mean_interval, share_interval
from penchant.training.folder import RunFolder
from penchant.training.preparation import Prepared
from penchant.training.recipe import Recipe

__all__ = ["summarise", "versions", "write_numbers"]


def write_numbers(folder: RunFolder, before: HeldOut, after: HeldOut, samples: list[dict[str, Any]]) -> None:
    """``rewards.json`` and ``samples.json``."""
    folder.write_json(
        "rewards.json",
        {
            "before": before.rewards,
            "after": after.rewards,
            "logp_margin": {"before": before.logp_margin, "after": after.logp_margin},
        },
    )
    folder.write_json("samples.json", samples)


def summarise(
    recipe: Recipe,
    prepared: Prepared,
    model: nn.Module,
    *,
    before: HeldOut,
    after: HeldOut,
    seconds: float,
    reference: str,
    likelihood: dict[str, Any],
    model_name: str,
    model_fingerprint: str,
    warnings: list[str],
) -> dict[str, Any]:
    """The run in numbers, as ``summary.json`` holds it."""
    parameters = list(model.parameters())
    return {
        "title": f"{prepared.objective.id} on {prepared.train.name}",
        "objective": repr(prepared.objective),
        "model": model_name,
        "data": prepared.train.name,
        "measured_on": prepared.measured_on,
        "reference": reference,
        **likelihood,
        "steps": len(prepared.plan),
        "examples": len(prepared.examples),
        "seconds": seconds,
        "seed": recipe.seed,
        "parameters": sum(parameter.numel() for parameter in parameters),
        "trained_parameters": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "versions": versions(),
        "fingerprints": {
            "data": prepared.train.fingerprint,
            "heldout": prepared.heldout.fingerprint,
            "model": model_fingerprint,
        },
        "before": before.metrics,
        "after": after.metrics,
        "intervals": _intervals(after),
        "warnings": warnings,
        "cut": prepared.examples.cut.as_dict(),
    }


def versions() -> dict[str, str]:
    """The versions of this package, of Python, and of the libraries that a run depends on."""
    names = ("torch", "transformers", "datasets", "accelerate", "peft")
    return {
        "penchant": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in names},
    }


def _intervals(after: HeldOut) -> dict[str, list[float]]:
    """95 % intervals of the held-out accuracy (Wilson, ties half) and margin (normal)."""
    chosen, rejected = after.rewards.get("chosen"), after.rewards.get("rejected")
    if not chosen or not rejected:
        return {}
    margins = [better - worse for better, worse in zip(chosen, rejected, strict=True)]
    right = share_interval(float(win(torch.tensor(margins)).mean()), len(margins))
    margin = mean_interval(margins) if len(margins) > 1 else Interval.around(margins[0], 0.0)
    return {"rewards/accuracy": [right.low, right.high], "rewards/margin": [margin.low, margin.high]}
