"""Optimizer and schedule of a recipe, tried on one number before anything is loaded."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from penchant.errors import ConfigurationError, nearest
from penchant.training.arguments import own_optimizer, training_arguments
from penchant.training.following.watching import FOLLOWING
from penchant.training.recipe import Recipe

__all__ = ["check_optimizer", "check_rates", "check_schedule"]

# Arguments that the run sets, with the keys that decide them.
SET = {
    "optimizer": "nothing",
    "num_warmup_steps": "warmup",
    "num_training_steps": "epochs or max_steps",
    "last_epoch": "nothing",
    "params": "nothing",
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "self": "nothing",
}
# These optimizers read the layers of the model; they are built with it.
BY_LAYER = ("galore", "apollo", "lomo", "adalomo")


def check_schedule(recipe: Recipe) -> None:
    """Check the arguments of the schedule, and build it once.

    Raises:
        ConfigurationError: an argument is unknown, missing, or refused by the schedule.
    """
    given = recipe.schedule_arguments
    taken = _schedule_parameters(recipe.schedule)
    _refuse_unknown(given, taken, "schedule_arguments", f"The schedule {recipe.schedule}")
    lacking = [name for name, each in taken.items() if each.default is inspect.Parameter.empty and name not in given]
    if lacking:
        raise ConfigurationError(
            f"The schedule {recipe.schedule} needs {' and '.join(lacking)}.",
            where="schedule",
            fix=f"Give schedule_arguments: {{{', '.join(f'{name}: NUMBER' for name in lacking)}}}.",
        )
    _built(recipe, recipe.max_steps or 1000)


def check_rates(recipe: Recipe, steps: int) -> None:
    """Check the learning rates of the whole run, at up to 100 steps.

    Args:
        recipe: the run.
        steps: its length.

    Raises:
        ConfigurationError: a learning rate is negative or not a number, or all are zero.
    """
    if recipe.schedule in FOLLOWING:
        return
    made = _built(recipe, steps)
    rate = made.lr_lambdas[0] if hasattr(made, "lr_lambdas") else None
    if rate is None:
        return
    places = sorted({round(place * max(0, steps - 1) / 99) for place in range(100)})
    rates = [float(rate(step)) for step in places]
    wrong = next((step for step, each in zip(places, rates, strict=True) if not 0 <= each < math.inf), None)
    if wrong is not None or not any(rates):
        what = (
            "zero at every step" if wrong is None else f"{rates[places.index(wrong)]:g} times its peak at step {wrong}"
        )
        raise ConfigurationError(
            f"With {recipe.schedule} over {steps} steps the learning rate is {what}.",
            where="schedule",
            fix="Change schedule_arguments, warmup, or the number of steps.",
        )


def _built(recipe: Recipe, steps: int) -> Any:
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=recipe.learning_rate)
    try:
        return get_scheduler(
            recipe.schedule,
            optimizer,
            num_warmup_steps=round(recipe.warmup * steps),
            num_training_steps=steps,
            scheduler_specific_kwargs=dict(recipe.schedule_arguments),
        )
    except Exception as error:
        raise ConfigurationError(
            f"The schedule {recipe.schedule} cannot be built ({type(error).__name__}: {error}).",
            where="schedule",
            fix="Check schedule_arguments.",
        ) from error


def _schedule_parameters(name: str) -> dict[str, inspect.Parameter]:
    """The arguments that a schedule takes beside those that the run sets."""
    from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION, GreedyLR
    from transformers.trainer_utils import SchedulerType

    if name.startswith("constant"):
        return {}  # transformers passes no arguments to these
    classes = {"reduce_lr_on_plateau": torch.optim.lr_scheduler.ReduceLROnPlateau, "greedy": GreedyLR}
    source: Any = classes.get(name) or TYPE_TO_SCHEDULER_FUNCTION[SchedulerType(name)]
    return {key: each for key, each in inspect.signature(source).parameters.items() if key not in SET}


def _refuse_unknown(given: Mapping[str, Any], taken: Mapping[str, Any], key: str, owner: str) -> None:
    for name in given:
        if name in SET and name not in taken:
            raise ConfigurationError(
                f"{owner} takes {name!r} from the run.", where=key, fix=f"It is decided by {SET[name]}."
            )
        if name not in taken:
            hint = nearest(name, taken) if taken else "It takes no arguments."
            raise ConfigurationError(f"{owner} has no argument {name!r}. {hint}", where=key)


def check_optimizer(recipe: Recipe, folder: Path) -> None:
    """Check the optimizer's package and arguments, and build it once for one number.

    Args:
        recipe: the run.
        folder: of the checkpoints; nothing is written there.

    Raises:
        ConfigurationError: its package is missing, or an argument is unknown or refused.
    """
    alone = {"keep": "last", "metric": None, "early_stopping": None, "eval_every": None}
    plain = recipe.model_copy(update={**alone, "schedule": "constant", "schedule_arguments": {}})
    args = training_arguments(plain, 1, folder, 1)
    if any(recipe.optimizer.startswith(name) for name in BY_LAYER):
        return
    try:
        made, own = own_optimizer(args)
    except (ImportError, ValueError, RuntimeError) as error:
        raise ConfigurationError(
            f"The optimizer {recipe.optimizer} cannot be used ({' '.join(str(error).split())[:240]}).",
            where="optimizer",
            fix="Install its package, or use optimizer=adamw_torch_fused.",
        ) from error
    taken = {name: each for name, each in inspect.signature(made).parameters.items() if name not in SET}
    _refuse_unknown(recipe.optimizer_arguments, taken, "optimizer_arguments", f"The optimizer {recipe.optimizer}")
    try:
        made([torch.nn.Parameter(torch.zeros(1))], **own)
    except Exception as error:
        raise ConfigurationError(
            f"The optimizer {recipe.optimizer} refuses its arguments ({type(error).__name__}: {error}).",
            where="optimizer_arguments",
        ) from error
