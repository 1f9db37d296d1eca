"""The part of a run before a model is loaded: data, checks, tokens, and the plan of all steps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.addresses import shown
from penchant.checks.diagnosis import Diagnosis, joined
from penchant.checks.doctor import LEFT_OUT
from penchant.checks.overlap import Overlap, overlap
from penchant.checks.unused import PAIR_LIKE, UNUSED
from penchant.checks.verdicts import LABEL_LIKE
from penchant.evaluation.heldout import measuring_plan
from penchant.feedback.collection import Feedback
from penchant.feedback.kept import chosen
from penchant.feedback.records import Record
from penchant.feedback.released import released
from penchant.feedback.sources import Sources, parts_of
from penchant.forest.batching import Plan, plan_batches
from penchant.forest.example import EncodedData
from penchant.forest.large import is_large
from penchant.forest.supply import Supply
from penchant.likelihood.cache import tokens_folder
from penchant.likelihood.references.none import refuse_none, refuse_whole
from penchant.modalities import Modality, find_modality
from penchant.objectives.core.composite import reward_part
from penchant.objectives.core.custom import objective_of
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Needs
from penchant.python_path import load_from
from penchant.training.identity.kept_code import kept_places
from penchant.training.kinds.as_asked import Asked, as_asked
from penchant.training.kinds.class_balance import balance_classes
from penchant.training.kinds.numbers_met import warn_of_unmet_numbers
from penchant.training.kinds.ties import reads_ties, say_ties, with_ties
from penchant.training.parameters.strategy import build_strategy
from penchant.training.progress import ProgressReporter
from penchant.training.reading import Given, read_data
from penchant.training.recipe import Recipe, data_paths, is_half_factor
from penchant.training.supplying import check_sources, encode, mixture_of
from penchant.training.unlearning.overlap import apart

__all__ = ["Given", "Prepared", "build_objective", "prepare", "read_data", "resolved"]

# Number of records that a run checks; `penchant data check` checks all.
CHECKED = 5000


@dataclass
class Prepared:
    """The result of `prepare`.

    Args:
        objective: the objective.
        modality: text or images, with the parts of a run that depend on it.
        train: the training records, of large data only their number and fingerprint; ``heldout`` the held-out ones (or
            some of the training records).
        examples: the encoded training data, a `Supply`; ``heldout_examples`` the held-out ones.
        plan: every step.
        measured_on: description of the data that is measured before and after training.
        held_out: whether that data is excluded from training.
        diagnosis: findings of the checks of the training data; None if they were skipped.
        overlap: how much of the held-out data is also trained on; None if nothing is held out, or it was not checked.
        labels: counts and weights of desirable and undesirable responses; empty if the objective reads no label.
    """

    objective: Objective
    modality: Modality
    train: Feedback
    heldout: Feedback
    examples: EncodedData
    heldout_examples: EncodedData
    plan: Plan
    measured_on: str
    held_out: bool
    diagnosis: Diagnosis | None = None
    overlap: Overlap | None = None
    labels: dict[str, Any] = field(default_factory=dict)

    @property
    def supply(self) -> Supply:
        """The encoded training data, indexed as in the plan."""
        return Supply.of(self.examples.examples)

    @property
    def heldout_supply(self) -> Supply:
        """The encoded held-out data."""
        return Supply.of(self.heldout_examples.examples)

    @property
    def sampled(self) -> list[Record]:
        """The held-out records whose prompts can be rendered, for samples."""
        refused = {error.where for error in self.heldout_examples.cut.refused}
        return [record for record in self.heldout if str(record.source) not in refused]


def build_objective(recipe: Recipe) -> Objective:
    """The recipe's objective.

    Raises:
        ConfigurationError: unknown name or hyper-parameter, or a value out of range.
    """
    name, hyper = str(recipe.objective["name"]), recipe.hyper
    if "path" in recipe.objective:
        return objective_of(load_from(str(recipe.objective["path"]), "objective"), **hyper)
    objective = build(name, **hyper)
    reward_part(objective)  # refuses what could not be saved
    # The factor between error and log-likelihood is set once, in the recipe, and passed on to the objective.
    scaled = dict.fromkeys(filter(is_half_factor, objective.hyper), recipe.half_factor)
    return build(name, **{**hyper, **scaled}) if scaled else objective


def resolved(recipe: Recipe, objective: Objective) -> dict[str, Any]:
    """The recipe as stored: with every hyper-parameter of the objective, without the secrets of a server's address, and
    objects in memory described.
    """
    values = recipe.model_dump(exclude_none=True)
    if isinstance(url := values.get("engine", {}).get("url"), str):
        values["engine"]["url"] = shown(url)  # recipe, report and card are passed on
    place = {"path": recipe.objective["path"]} if "path" in recipe.objective else {}
    values["objective"] = {"name": recipe.objective["name"], **place, **objective.hyper}
    if (strategy := build_strategy(recipe.parameters)) is not None:
        values["parameters"] = {"name": strategy.id, **strategy.settings}
    values = kept_places(values)
    result: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return result


def prepare(recipe: Recipe, given: Given, reporter: ProgressReporter, *, check: bool = True) -> Prepared:
    """Read, check and encode the data, and plan the run.

    Args:
        recipe: the run's recipe.
        given: objects in memory.
        reporter: shows progress.
        check: False skips the data checks, for processes other than the first.

    Raises:
        PenchantError: data, tokenizer or objective cannot be used.
    """
    objective = given.objective or build_objective(recipe)
    _check_reference(recipe, objective.requirements.needs)
    reporter.say(f"Reading {_name(given.data, recipe.data)}")
    train, heldout, measured_on = read_data(recipe, given, "keep" if reads_ties(objective) else "leave_out")
    check_sources(objective, {"data": train, "eval_data": heldout})
    train = apart(train, recipe.on_bad, reporter)
    for feedback in (train, heldout):
        if feedback.bad and (feedback is train or feedback.bad != train.bad):
            reporter.warn(
                f"{len(feedback.bad)} bad records of {feedback.name} were skipped; the first: {feedback.bad[0]}"
            )
    say_ties(train, objective, reporter)
    _say_splits(train, recipe, reporter)
    asked = Asked(*with_ties(objective, train, heldout), measured_on)
    train, heldout, measured_on = as_asked(objective, asked, recipe.pairs, reporter)
    modality = find_modality(recipe.modality, recipe.model, given.model)(recipe, given.model, given.tokenizer)
    held_out = not measured_on.startswith("training")
    diagnosis = _check(modality, train, heldout if held_out else None, reporter) if check else None
    encoder = modality.encoder(objective)
    cache = tokens_folder(recipe.cache)
    examples = encode(encoder, train, "Encoding", modality.max_length, reporter, cache)
    used_records = chosen(train.records, examples.records)
    labels = balance_classes(objective, used_records, reporter)
    warn_of_unmet_numbers(objective.requirements.numbered, used_records, reporter)
    # Without held-out data these records are part of the training data, and what is cut of them is known.
    about_heldout = reporter if held_out else ProgressReporter(quiet=True)
    heldout_examples = encode(encoder, heldout, "Encoding held-out data", modality.max_length, about_heldout, cache)
    used = len(heldout_examples)
    if used != len(heldout) and not isinstance(heldout, Sources):
        measured_on = measured_on.replace(f"({len(heldout)} ", f"({used} usable of {len(heldout)} ", 1)
    supply = Supply.of(examples.examples)
    plan = _planned(recipe, supply, train, examples)
    prepared = Prepared(
        objective, modality, train, heldout, examples, heldout_examples, plan, measured_on, held_out, diagnosis
    )
    prepared.labels = labels
    # Named sources are measured on what they are about: what is to be forgotten is trained on by design.
    if check and held_out and not (isinstance(train, Sources) and train.weights is None):
        prepared.overlap = overlap(train.records, heldout.records)
    if is_large(encoder, len(train)):
        prepared.train = released(train)
    supply.check(plan)
    prepared.heldout_supply.check(
        measuring_plan(prepared.heldout_supply, 1), "held-out data" if prepared.held_out else "data"
    )
    return prepared


def _planned(recipe: Recipe, supply: Supply, train: Feedback, examples: EncodedData) -> Plan:
    """Every step of the run."""
    return plan_batches(
        supply.sizes,
        batch_size=recipe.batch_size,
        tokens_per_batch=recipe.tokens_per_batch,
        epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        seed=recipe.seed,
        group_by_length=recipe.group_by_length,
        beside=supply.beside_sizes,
        mixture=mixture_of(train, examples),
    )


def _check_reference(recipe: Recipe, needs: Needs) -> None:
    if recipe.reference == "none" and needs.reference:
        refuse_none()
    if recipe.reference == "cached" or getattr(recipe.reference, "cached", False):
        if needs.compares:
            refuse_whole("The objective compares the policy with the reference's full distribution")
        if (needs.layers or needs.reference_states) and needs.reference:
            refuse_whole("The objective needs the reference's activations")


def _say_splits(train: Feedback, recipe: Recipe, reporter: ProgressReporter) -> None:
    """Warn if the data have several splits and the run trains on all of them."""
    splits = sorted({str(record.fields["split"]) for record in train if "split" in record.fields})
    if recipe.split is None and len(splits) > 1 and not isinstance(train, Sources):
        reporter.warn(
            f"{train.name} has the splits {', '.join(splits)}, and the run trains on all of them. "
            f"Choose one: split={'train' if 'train' in splits else splits[0]}; eval_split=... measures on another."
        )


def _check(modality: Modality, train: Feedback, other: Feedback | None, reporter: ProgressReporter) -> Diagnosis:
    """Run the checks of `penchant data check` on each source, before any model is loaded.

    Errors are shown as warnings, and so are what a layout left out and columns that look as if they should be used.
    """
    held_out = {} if other is None else parts_of(other)
    parts = parts_of(train[:CHECKED]).items()
    diagnosis = joined({name: modality.examine(part, held_out.get(name)) for name, part in parts})
    for check in diagnosis.checks:
        columns = check.verdict != "note" and check.name.endswith((UNUSED, PAIR_LIKE, LABEL_LIKE))
        if check.verdict == "error" or columns or check.name.endswith(LEFT_OUT):
            reporter.warn(f"{train.name}: {check.name}: {check.value}. {check.detail}".strip())
    return diagnosis


def _name(given: Any, named: Any) -> str:
    """A description of the data, for messages."""
    if isinstance(given, str | Path):
        return str(given)
    if given is not None:
        return "records in memory"
    return named if isinstance(named, str) else ", ".join(data_paths(named))
