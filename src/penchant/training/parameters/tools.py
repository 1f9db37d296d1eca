"""Tools on saved models: sparse differences added to a model, and a half of a tuned model set back to its base."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from penchant.errors import ConfigurationError, ModelError, OutputError
from penchant.likelihood.loading import load_model
from penchant.rendering.tokenizer import load_tokenizer
from penchant.training.parameters.differences import add_difference
from penchant.training.parameters.halves import Level, chosen_units, units_of

__all__ = ["compose", "half_reset"]


def compose(base: str | Path, add: Sequence[Path], out: Path, *, subtract: Sequence[Path] = ()) -> dict[str, int]:
    """Save a model with sparse differences added to it, as `parameters=lt-sft` leaves them in a run's folder.

    θ = θ0 + Σ φ (added) − Σ φ (subtracted)

    Args:
        base: the model that the differences were trained from, or one with some of them added.
        add: differences, or folders of runs.
        out: new folder for the model and its tokenizer.
        subtract: differences that are taken away.

    Returns:
        For each difference, how many weights it changed.

    Raises:
        ConfigurationError: no difference is given.
        ModelError: a difference is of another architecture, or cannot be read.
        OutputError: the folder exists.

    Reference:
        Ansell et al. (2022), Composable Sparse Fine-Tuning for Cross-Lingual Transfer, arXiv:2110.07560.
    """
    if not add and not subtract:
        raise ConfigurationError("No difference is given.", fix="Name at least one folder of a run, or --subtract one.")
    _free(out)
    model = load_model(base)
    changed = {str(file): add_difference(model, file) for file in add}
    changed |= {str(file): add_difference(model, file, -1.0) for file in subtract}
    _save(model, base, out)
    return changed


@torch.no_grad()
def half_reset(
    base: str | Path, tuned: str | Path, out: Path, *, ratio: float = 0.5, level: Level = "category", seed: int = 0
) -> int:
    """Save a tuned model of which a random half of the matrices is that of its base again.

    The halves are those of half fine-tuning: embeddings, output head and final norm stay as tuned.

    Args:
        base: the model before training.
        tuned: the model after it.
        out: new folder for the model and its tokenizer.
        ratio: share of the matrices of the layers that stay as tuned, in (0, 1).
        level: where the share holds: ``category``, ``layer`` or ``model``.
        seed: of the selection.

    Returns:
        How many weights were set back.

    Raises:
        ConfigurationError: the ratio is outside of (0, 1).
        ModelError: the two models have different weights.
        OutputError: the folder exists.

    Reference:
        Hui et al. (2024), HFT: Half Fine-Tuning for Large Language Models, arXiv:2404.18466.
    """
    if not 0 < ratio < 1:
        raise ConfigurationError(f"The ratio is {ratio}.", where="ratio", fix="Give a number between 0 and 1.")
    _free(out)
    model = load_model(tuned)
    before, after = dict(load_model(base).named_parameters()), dict(model.named_parameters())
    if {name: each.shape for name, each in before.items()} != {name: each.shape for name, each in after.items()}:
        raise ModelError(
            "The two models have different weights.", where=str(base), fix="Give the model that training started from."
        )
    layers = units_of(model, after)
    inside = {name for layer in layers for group in layer.values() for unit in group for name in unit}
    reset = inside - chosen_units(layers, level, ratio, random.Random(f"{seed}/0/0"))
    for name in sorted(reset):
        after[name].copy_(before[name])
    _save(model, tuned, out)
    return sum(after[name].numel() for name in reset)


def _free(out: Path) -> None:
    if out.exists():
        raise OutputError("The folder already exists.", where=str(out), fix="Name a new folder with --out.")


def _save(model: Any, source: str | Path, out: Path) -> None:
    tokenizer = load_tokenizer(source)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
