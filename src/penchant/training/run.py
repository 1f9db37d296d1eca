"""`run`: one training run from recipe to report."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from penchant.training.folder import RunFolder
from penchant.training.interrupt import Interrupted
from penchant.training.log_routing import own_bars_only, warnings_to
from penchant.training.outcome import Result
from penchant.training.preflight import check_start
from penchant.training.preparation import Given, build_objective, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe, data_paths
from penchant.training.session import Session

__all__ = ["Interrupted", "Result", "run"]


def run(
    recipe: Recipe,
    given: Given,
    *,
    resume: bool = False,
    overwrite: bool = False,
    reporter: ProgressReporter | None = None,
) -> Result:
    """Train as specified by a recipe.

    Args:
        recipe: the recipe.
        given: objects in memory that replace names in the recipe; not changed, except that a model in it is trained.
        resume: continue from the last usable checkpoint in the output folder.
        overwrite: delete the run in the output folder.
        reporter: shows progress.

    Raises:
        PenchantError: recipe, data, model or output cannot be used; raised as early as possible.
        Interrupted: a signal stopped the run; a checkpoint was saved.
    """
    first = int(os.environ.get("RANK", "0")) == 0
    reporter = (reporter or ProgressReporter()) if first else ProgressReporter(quiet=True)
    started = time.perf_counter()
    folder = RunFolder(recipe.output)
    objective = given.objective or build_objective(recipe)
    check_start(recipe)
    if first:
        inputs = [recipe.model, *data_paths(recipe.data), *data_paths(recipe.eval_data)]
        folder.claim(resume=resume, overwrite=overwrite, inputs=inputs)
        if resume:
            folder.check_same(resolved(recipe, objective))
    with warnings_to(reporter) as warnings, own_bars_only(), folder.freed_on_failure():
        session = Session(recipe, replace(given, objective=objective), folder, reporter, warnings, first)
        return session.run(resume, started)
