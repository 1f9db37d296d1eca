"""The trainer's arguments and the reference, built once the data are prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from transformers import TrainingArguments

from penchant.evaluation.heldout import measured_needs, measuring_plan
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Scorer
from penchant.modalities import Modality
from penchant.training.arguments import micro_batches, training_arguments
from penchant.training.devices.processes import Processes
from penchant.training.folder import RunFolder
from penchant.training.preparation import Prepared
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe

__all__ = ["computing", "prepared_reference", "run_arguments"]

Form = TypeVar("Form", bound=Recipe)


def run_arguments(recipe: Recipe, prepared: Prepared, folder: RunFolder, processes: Processes) -> TrainingArguments:
    """Arguments of transformers' Trainer for the plan, on this process.

    Raises:
        ConfigurationError: the objective cannot be split as asked, or transformers refuses the settings.
    """
    recipe = computing(recipe, prepared.modality)
    sizes = prepared.supply.largest_sizes(prepared.plan)
    parts = micro_batches(recipe, prepared.plan, sizes, processes.count, prepared.objective.batch_coupled)
    return training_arguments(recipe, len(prepared.plan), folder.checkpoints, parts, processes)


def computing(recipe: Form, modality: Modality) -> Form:
    """The recipe with the number type in which the forward pass is computed on this machine."""
    return recipe.model_copy(update={"precision": modality.precision})


def prepared_reference(
    recipe: Recipe, scorer: Scorer[Any], prepared: Prepared, reporter: ProgressReporter
) -> Reference[Any, Any]:
    """The reference of the recipe, ready for every response of the run.

    Args:
        recipe: names its kind; by default ``initial`` if the objective needs a reference.
        scorer: the policy, at its initial weights.
        prepared: the run's examples.
        reporter: shows progress.
    """
    needs = prepared.objective.requirements.needs
    kind = recipe.reference or ("initial" if needs.reference else "none")
    reference = scorer.reference(kind, Path(recipe.cache) if recipe.cache else None, prepared.modality.precision)
    if reference.needs_preparation:
        measured = measured_needs(prepared.objective, kind)
        heldout = prepared.heldout_supply
        parts = (
            (prepared.supply.responses(prepared.plan), needs),
            (heldout.responses(measuring_plan(heldout, scorer.measured_at_once)), measured),
        )
        responses = [each for found, wanted in parts for name, each in found if wanted.reference_of(name)]
        with reporter.bar("Reference log-probabilities", len(responses)):
            reference.prepare(responses, lambda done, total: reporter.advance(done, total))
    return reference
