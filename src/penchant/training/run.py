"""`run`: one training run from recipe to report."""

from __future__ import annotations

import logging
import os
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Literal

from penchant.errors import ConfigurationError
from penchant.quiet import quiet_transformers
from penchant.training.devices.agreement import join_again, leave_in_order
from penchant.training.devices.placement import placement_of
from penchant.training.devices.processes import Processes, find_processes, only_first_prints, own_sharding
from penchant.training.devices.zero import check_zero
from penchant.training.folder import RunFolder
from penchant.training.interrupt import Interrupted
from penchant.training.log_routing import warnings_to
from penchant.training.outcome import Result
from penchant.training.parameters.strategy import build_strategy
from penchant.training.preflight import check_start
from penchant.training.preparation import Given, build_objective, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe, data_paths
from penchant.training.session import Session

__all__ = ["Interrupted", "Result", "run"]

log = logging.getLogger("penchant")


def run(
    recipe: Recipe,
    given: Given,
    *,
    resume: bool | Literal["auto"] = False,
    overwrite: bool = False,
    reporter: ProgressReporter | None = None,
) -> Result:
    """Train as specified by a recipe.

    Args:
        recipe: the recipe.
        given: objects in memory that replace names in the recipe; not changed, except that a model in it is trained.
        resume: continue from the last usable checkpoint in the output folder; without one the run starts at the
            beginning. ``auto`` is the same, for launchers that start a run again.
        overwrite: delete the run in the output folder.
        reporter: shows progress.

    Raises:
        PenchantError: recipe, data, model or output cannot be used; raised as early as possible.
        Interrupted: a signal stopped the run; a checkpoint was saved.
    """
    processes = find_processes(recipe.strategy, recipe.processes)
    reporter = (reporter or ProgressReporter()) if processes.first else ProgressReporter(quiet=True)
    with only_first_prints(processes), own_sharding(processes), warnings_to(reporter) as warnings, quiet_transformers():
        return _run(_as_launched(recipe), given, processes, _continues(resume), overwrite, reporter, warnings)


def _run(
    recipe: Recipe,
    given: Given,
    processes: Processes,
    resume: bool,
    overwrite: bool,
    reporter: ProgressReporter,
    warnings: list[str],
) -> Result:
    started = time.perf_counter()
    folder = RunFolder(recipe.output)
    objective = given.objective or build_objective(recipe)
    if processes.count > 1:
        # Before anything that connects the processes in its own way, as arguments of transformers do.
        join_again(recipe.device)
        leave_in_order()
    check_start(recipe)
    if (strategy := build_strategy(recipe.parameters)) is not None:
        strategy.check_recipe(recipe, processes)
    check_zero(processes, recipe.device)
    placement = placement_of(processes, recipe.precision)
    # The folder and its lock are the first process's; another one that fails must not free it.
    with folder.freed_on_failure() if processes.first else nullcontext():
        if processes.first:
            inputs = [recipe.model, *data_paths(recipe.data), *data_paths(recipe.eval_data)]
            folder.claim(resume=resume, overwrite=overwrite, inputs=inputs)
            if resume:
                folder.check_same(resolved(recipe, objective))
        for warning in processes.warnings:
            log.warning(warning)
        if processes.count > 1:
            reporter.say(f"Running in {processes}")
        given = replace(given, objective=objective)
        session = Session(recipe, given, folder, reporter, warnings, processes, placement)
        return session.run(resume, started)


def _continues(resume: bool | str) -> bool:
    """Whether to look for a checkpoint.

    Raises:
        ConfigurationError: neither true, false nor ``auto``.
    """
    if isinstance(resume, str) and resume != "auto":
        raise ConfigurationError(f"resume is {resume!r}.", where="resume", fix="Give True, False or 'auto'.")
    return bool(resume)


def _as_launched(recipe: Recipe) -> Recipe:
    """The recipe with the precision that accelerate launch was configured for, unless it has its own."""
    lowered = {"bf16": "bfloat16", "fp16": "float16"}.get(os.environ.get("ACCELERATE_MIXED_PRECISION", "no"))
    if recipe.precision is not None or lowered is None:
        return recipe
    return recipe.model_copy(update={"precision": lowered})
