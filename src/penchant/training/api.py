"""`train`: the Python entry point of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Unpack

from penchant.feedback.image_files import outside_files, outside_files_allowed
from penchant.feedback.sources import as_paths
from penchant.modalities import find_modality
from penchant.model_files import remote_code, remote_code_allowed
from penchant.objectives.core.custom import objective_of
from penchant.objectives.core.objective import Objective
from penchant.training.following.listening import as_callbacks
from penchant.training.preparation import Given
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import make_recipe
from penchant.training.recipe_keywords import RecipeKeywords
from penchant.training.run import Result, run

__all__ = ["train"]


def train(
    model: Any,
    data: Any,
    objective: Objective | type[Objective] | Callable[..., Any] | str | dict[str, Any] = "dpo",
    output: str | Path = "runs/run",
    *,
    tokenizer: Any = None,
    eval_data: Any = None,
    reference: Any = None,
    resume: bool | Literal["auto"] = False,
    overwrite: bool = False,
    progress: bool = False,
    trust_remote_code: bool = False,
    allow_outside: bool = False,
    callbacks: Any = (),
    **recipe: Unpack[RecipeKeywords],
) -> Result:
    """Train a model on feedback.

    Args:
        model: a folder, a hub id, or in memory a causal language model of transformers or a pipeline of diffusers
            (trained in place; a frozen copy is made if a reference is needed).
        data: a file, folder, hub id, ``datasets.Dataset``, or records as dictionaries; named sources,
            ``{"forget": ..., "retain": ...}``; or a mixture of files, ``[{"path": ..., "weight": 0.7}, ...]``.
        objective: an `Objective`, its id (``"dpo"``, ``"dpo+0.2*nll"``), ``{"name": "dpo", "beta": 0.1}``, or a class
            or function of your own (see `penchant.objectives.core.custom.objective_of`).
        output: the run's folder.
        tokenizer: required if a language model is given in memory.
        eval_data: held-out data, in any form that ``data`` may have.
        reference: a kind, ``{"model": FOLDER, "cached": True}``, or a model in memory, which is not changed.
        resume: continue from the last checkpoint in ``output``; without one the run starts at the beginning. ``auto``
            is the same, for launchers that start a run again.
        overwrite: delete the run in ``output``.
        progress: show progress on the error stream.
        trust_remote_code: allow the model and its tokenizer to run Python code from their own repository.
        allow_outside: allow data to name images outside of their own folder.
        callbacks: callbacks of transformers (`TrainerCallback`), or functions of step, split (``"train"`` or
            ``"eval"``) and numbers, called after every step and measurement; one that returns ``"stop"`` ends the run.
        recipe: further keys of a `penchant.training.Recipe` (``batch_size``, ``learning_rate``, ``lora=...``).

    Returns:
        The trained model, its tokenizer, the run's folder, summary and report.

    Raises:
        PenchantError: the recipe, the data or the model cannot be used; the message says what to do.
    """
    named = {"model": model, "data": data} | ({} if eval_data is None else {"eval_data": eval_data})
    given, values = _named_and_given(named, objective, tokenizer)
    given.callbacks = as_callbacks(callbacks)
    if reference is not None:
        values["reference"] = given.reference_value(reference)
    settings = make_recipe({**recipe, **values, "output": str(output)}, "penchant.train")
    if given.model is not None:
        find_modality(settings.modality, settings.model, given.model).check_given(tokenizer)
    with _allowed(trust_remote_code, allow_outside):
        return run(settings, given, resume=resume, overwrite=overwrite, reporter=ProgressReporter(not progress))


@contextmanager
def _allowed(code: bool, outside: bool) -> Iterator[None]:
    """What the caller allows, beside what a context around the call does."""
    with remote_code(code or remote_code_allowed()), outside_files(outside or outside_files_allowed()):
        yield


def _named_and_given(named: dict[str, Any], objective: Any, tokenizer: Any) -> tuple[Given, dict[str, Any]]:
    """The objects in memory, and the recipe's values that name everything else."""
    given = Given(tokenizer=tokenizer)
    values: dict[str, Any] = {"objective": objective}
    if not isinstance(objective, str | dict):
        given.objective = objective_of(objective)
        values["objective"] = {"name": given.objective.id, **given.objective.hyper}
    for key, value in named.items():
        named_by = as_paths(value)
        if named_by is None:
            setattr(given, key, value)
        values[key] = f"in memory ({type(value).__name__})" if named_by is None else named_by
    return given, values
