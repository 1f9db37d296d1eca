"""Training: the trainer, recipes, runs and comparisons of runs.

Names are imported on first use, so that a recipe is read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import load

if TYPE_CHECKING:
    from penchant.training.api import train
    from penchant.training.recipe import LoRA, Recipe, make_recipe, read_recipe
    from penchant.training.run import Result
    from penchant.training.trainer import PreferenceTrainer

__all__ = [
    "LoRA",
    "PreferenceTrainer",
    "Recipe",
    "Result",
    "make_recipe",
    "read_recipe",
    "train",
]

_HOMES = {
    "train": "penchant.training.api",
    "LoRA": "penchant.training.recipe",
    "PreferenceTrainer": "penchant.training.trainer",
    "Recipe": "penchant.training.recipe",
    "Result": "penchant.training.run",
    "make_recipe": "penchant.training.recipe",
    "read_recipe": "penchant.training.recipe",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
