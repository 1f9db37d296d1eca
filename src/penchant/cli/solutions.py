"""The packaged recipes of `penchant train`: ``ssft``, and ``multi-task``, whose three stages run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penchant.cli.interruption import interruptible
from penchant.cli.words import first_lines, split_words

if TYPE_CHECKING:
    from penchant.training.recipe import Recipe

__all__ = ["recipe_or_none"]


def recipe_or_none(
    name: str, words: Sequence[str], options: Mapping[str, Any], *, resume: bool, overwrite: bool, dry_run: bool
) -> Recipe | None:
    """The recipe ``ssft``, for `penchant train` to run; or None once ``multi-task`` has run.

    Args:
        name: of the packaged recipe.
        words: ``key=value``.
        options: further keys; None leaves a key to the recipe.
        resume, overwrite, dry_run: as of `penchant train`.

    Raises:
        ConfigurationError: the words are malformed, or a recipe is.
    """
    from penchant.errors import ConfigurationError
    from penchant.online.solutions.recipes import make_multi_task, make_ssft

    path, keys = split_words(list(words))
    if path is not None:
        raise ConfigurationError(
            f"Two recipes are named: {name!r} and {str(path)!r}.", fix="Give one recipe; write keys as key=value."
        )
    keys |= {key: value for key, value in options.items() if value is not None}
    if name == "ssft":
        return make_ssft(keys)
    plan = make_multi_task(keys)
    from penchant.training.progress import ProgressReporter

    reporter = ProgressReporter()
    if dry_run:
        for stage, recipe in plan.stages.items():
            reporter.say(f"{stage}: {', '.join(first_lines(recipe))}")
        return None
    from penchant.cli.result import print_result
    from penchant.online.solutions.stages import run_multi_task

    with interruptible():
        for result in run_multi_task(plan, resume=resume, overwrite=overwrite, reporter=reporter):
            if result is not None:
                print_result(result, reporter)
    return None
