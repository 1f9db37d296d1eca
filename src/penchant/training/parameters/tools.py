"""Tools on models: sparse differences added to a model, and a half of a tuned model set back to its base."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from penchant.errors import ConfigurationError, ModelError
from penchant.training.parameters.differences import add_difference
from penchant.training.parameters.halves import Level, chosen_units, units_of

__all__ = ["compose", "half_reset"]


def compose(model: nn.Module, add: Sequence[Path], subtract: Sequence[Path] = ()) -> dict[str, int]:
    """Add sparse differences to a model, in place, as ``parameters=lt-sft`` leaves them in a run's folder.

    θ = θ0 + Σ φ (added) − Σ φ (subtracted), summed in float64 and rounded once, so that the order does not matter.

    Args:
        model: the one that the differences were trained from, or one with some of them added.
        add: differences, or folders of runs.
        subtract: differences that are taken away.

    Returns:
        For each difference, how many weights it changed.

    Raises:
        ConfigurationError: no difference is given.
        ModelError: a difference is of another architecture, or cannot be read.

    Reference:
        Ansell et al. (2022), Composable Sparse Fine-Tuning for Cross-Lingual Transfer, arXiv:2110.07560.
    """
    if not add and not subtract:
        raise ConfigurationError("No difference is given.", fix="Name at least one folder of a run, or --subtract one.")
    weights = list(model.parameters())
    kinds = [each.dtype for each in weights]
    for each in weights:
        each.data = each.data.double()
    try:
        changed = {str(file): add_difference(model, file) for file in add}
        return changed | {str(file): add_difference(model, file, -1.0) for file in subtract}
    finally:
        for each, kind in zip(weights, kinds, strict=True):
            each.data = each.data.to(kind)


@torch.no_grad()
def half_reset(
    base: nn.Module, tuned: nn.Module, *, ratio: float = 0.5, level: Level = "category", seed: int = 0
) -> int:
    """Set a random half of a tuned model's matrices back to those of its base, in place.

    The halves are those of half fine-tuning: embeddings, output head and final norm stay as tuned.

    Args:
        base: the model before training.
        tuned: the model after it.
        ratio: share of the matrices of the layers that stay as tuned, in (0, 1).
        level: where the share holds: ``category``, ``layer`` or ``model``.
        seed: of the selection.

    Returns:
        How many weights were set back.

    Raises:
        ConfigurationError: the ratio is outside of (0, 1).
        ModelError: the two models have different weights.

    Reference:
        Hui et al. (2024), HFT: Half Fine-Tuning for Large Language Models, arXiv:2404.18466.
    """
    if not 0 < ratio < 1:
        raise ConfigurationError(f"The ratio is {ratio}.", where="ratio", fix="Give a number between 0 and 1.")
    before, after = dict(base.named_parameters()), dict(tuned.named_parameters())
    if {name: each.shape for name, each in before.items()} != {name: each.shape for name, each in after.items()}:
        raise ModelError("The two models have different weights.", fix="Give the model that training started from.")
    layers = units_of(tuned, after)
    inside = {name for layer in layers for group in layer.values() for unit in group for name in unit}
    reset = inside - chosen_units(layers, level, ratio, random.Random(f"{seed}/0/0"))
    for name in sorted(reset):
        after[name].copy_(before[name])
    return sum(after[name].numel() for name in reset)
