"""The trainer's arguments and the reference, built once the data are prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from transformers import TrainingArguments

from penchant.evaluation.heldout import measured_needs, measuring_plan
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.references.rounded import keep_rounded
from penchant.likelihood.scorer import Scorer
from penchant.modalities import Modality
from penchant.training.arguments import micro_batches, training_arguments
from penchant.training.devices.processes import Processes
from penchant.training.folder import RunFolder
from penchant.training.preparation import Prepared
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import NamedReference, Recipe

__all__ = ["computing", "named_reference", "prepared_reference", "run_arguments"]

Form = TypeVar("Form", bound=Recipe)


def run_arguments(recipe: Recipe, prepared: Prepared, folder: RunFolder, processes: Processes) -> TrainingArguments:
    """Arguments of transformers' Trainer for the plan, on this process.

    Raises:
        ConfigurationError: the objective cannot be split as asked, or transformers refuses the settings.
    """
    recipe = computing(recipe, prepared.modality)
    sizes = prepared.supply.largest_sizes(prepared.plan)
    parts = micro_batches(recipe, prepared.plan, sizes, processes.count, prepared.objective.scored_twice)
    return training_arguments(recipe, len(prepared.plan), folder.checkpoints, parts, processes)


def computing(recipe: Form, modality: Modality) -> Form:
    """The recipe with the number type in which the forward pass is computed on this machine."""
    return recipe.model_copy(update={"precision": modality.precision})


def named_reference(
    recipe: Recipe, given: Any, prepared: Prepared, device: Any, reporter: ProgressReporter
) -> Reference[Any, Any] | None:
    """The reference of a recipe that names another model, ready for every response; None for any other recipe.

    Call it before the policy is loaded: a cached reference has left the memory by then.

    Args:
        recipe: the recipe.
        given: the reference model in memory, or None.
        prepared: the run's examples.
        device: the device of the model.
        reporter: shows progress.
    """
    if not isinstance(recipe.reference, NamedReference):
        return None
    reporter.say(f"Loading the reference {recipe.reference.model}")
    reference = prepared.modality.named_reference(recipe.reference, given, device)
    _prepare(reference, prepared, prepared.modality.measured_at_once, reporter)
    return reference


def prepared_reference(
    recipe: Recipe, scorer: Scorer[Any], prepared: Prepared, reporter: ProgressReporter, processes: int = 1
) -> Reference[Any, Any]:
    """The reference of the recipe, ready for every response of the run.

    Args:
        recipe: names its kind; by default ``initial`` if the objective needs a reference.
        scorer: the policy, at its initial weights.
        prepared: the run's examples.
        reporter: shows progress.
        processes: number of processes; several may have divided the reference between them.
    """
    needs = prepared.objective.requirements.needs
    kind = str(recipe.reference or ("initial" if needs.reference else "none"))
    precision = prepared.modality.precision
    reference = scorer.reference(kind, Path(recipe.cache) if recipe.cache else None, precision)
    if processes == 1 and scorer.unit == "tokens":
        keep_rounded(reference.frozen, precision)
    _prepare(reference, prepared, scorer.measured_at_once, reporter)
    return reference


def _prepare(
    reference: Reference[Any, Any], prepared: Prepared, measured_at_once: int, reporter: ProgressReporter
) -> None:
    """Compute what a reference needs before the first step, for every response of the run."""
    if not reference.needs_preparation:
        return
    heldout = prepared.heldout_supply
    parts = (
        (prepared.supply.responses(prepared.plan), prepared.objective.requirements.needs),
        (
            heldout.responses(measuring_plan(heldout, measured_at_once)),
            measured_needs(prepared.objective, reference.kind),
        ),
    )
    responses = [each for found, wanted in parts for name, each in found if wanted.reference_of(name)]
    with reporter.bar("Reference log-probabilities", len(responses)):
        reference.prepare(responses, lambda done, total: reporter.advance(done, total))
