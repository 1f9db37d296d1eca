"""Training: the trainer, recipes, runs and comparisons of runs."""

from penchant.training.api import train
from penchant.training.recipe import LoRA, Recipe, make_recipe, read_recipe
from penchant.training.run import Result
from penchant.training.trainer import PreferenceTrainer

__all__ = ["LoRA", "PreferenceTrainer", "Recipe", "Result", "make_recipe", "read_recipe", "train"]
