"""Everything of a run that can be decided before a model is loaded: data, tokens, and the plan of all steps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.evaluation.heldout import measuring_plan
from penchant.feedback.collection import Feedback
from penchant.feedback.unpairing import unpaired
from penchant.forest.batching import Plan, plan_batches
from penchant.forest.encoding import EncodedData
from penchant.forest.supply import Supply
from penchant.modalities import Modality, find_modality
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.registry import build
from penchant.training.progress import ProgressReporter
from penchant.training.reading import Given, read_data
from penchant.training.recipe import Recipe, data_paths
from penchant.training.supplying import check_sources, encode, mixture_of

__all__ = ["Given", "Prepared", "build_objective", "prepare", "read_data", "resolved"]


@dataclass
class Prepared:
    """What `prepare` decides.

    Args:
        objective: the objective.
        modality: what the responses are made of, and what a run does differently for it.
        train: the training records; ``heldout`` the held-out ones (or some of the training records).
        examples: the encoded training data, a `Supply`; ``heldout_examples`` the held-out ones.
        plan: every step.
        measured_on: in words, what before and after are measured on.
        held_out: whether that is data that is not trained on.
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

    @property
    def supply(self) -> Supply:
        """The encoded training data, by the places of the plan."""
        return Supply.of(self.examples.examples)

    @property
    def heldout_supply(self) -> Supply:
        """The encoded held-out data."""
        return Supply.of(self.heldout_examples.examples)


def build_objective(recipe: Recipe) -> Objective:
    """The recipe's objective, checked before anything is loaded.

    Raises:
        ConfigurationError: unknown name or hyper-parameter, or a value out of range.
    """
    hyper: dict[str, Any] = {}
    for key, value in recipe.objective.items():
        # ``objective.dpo.beta=0.3`` on a command line is a part of a part; a sum calls it ``dpo.beta``.
        parts = {f"{key}.{name}": each for name, each in value.items()} if isinstance(value, dict) else {key: value}
        hyper |= {name: _number(each) for name, each in parts.items() if name != "name"}
    return build(str(recipe.objective["name"]), **hyper)


def resolved(recipe: Recipe, objective: Objective) -> dict[str, Any]:
    """The recipe as it is kept: every hyper-parameter of the objective stated, objects in memory named."""
    values = recipe.model_dump(exclude_none=True)
    values["objective"] = {"name": recipe.objective["name"], **objective.hyper}
    result: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return result


def _number(value: Any) -> Any:
    """YAML reads 1e-3 as a text; a hyper-parameter never means that."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def prepare(recipe: Recipe, given: Given, reporter: ProgressReporter) -> Prepared:
    """Read, check and encode the data, and plan the run.

    Args:
        recipe: the run's recipe.
        given: objects in memory.
        reporter: told about progress.

    Raises:
        PenchantError: anything wrong with data, tokenizer or objective.
    """
    objective = given.objective or build_objective(recipe)
    reporter.say(f"Reading {_name(given.data, recipe.data)}")
    train, heldout, measured_on = read_data(recipe, given)
    check_sources(objective, train, heldout)
    for feedback in (train, heldout):
        if feedback.bad:
            reporter.warn(
                f"{len(feedback.bad)} bad records of {feedback.name} were left out; the first: {feedback.bad[0]}"
            )
    wanted = objective.requirements
    if "label" in wanted.fields and "responses" in wanted.views and "comparison" in train.kind:
        train, heldout = unpaired(train), unpaired(heldout)
        reporter.say(f"Each pair is read as two judged responses: {len(train)} to train on")
    modality = find_modality(recipe.modality, recipe.model, given.model)(recipe, given.model, given.tokenizer)
    encoder = modality.encoder(objective)
    examples = encode(encoder, train, "Encoding", modality.max_length, reporter)
    heldout_examples = encode(encoder, heldout, "Encoding held-out data", modality.max_length, reporter)
    supply = Supply.of(examples.examples)
    plan = plan_batches(
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
    held_out = not measured_on.startswith("training")
    prepared = Prepared(objective, modality, train, heldout, examples, heldout_examples, plan, measured_on, held_out)
    for each, its_plan in ((supply, plan), (prepared.heldout_supply, measuring_plan(prepared.heldout_supply, 1))):
        each.check(its_plan)
    return prepared


def _name(given: Any, named: Any) -> str:
    """What is read, in words."""
    if isinstance(given, str | Path):
        return str(given)
    if given is not None:
        return "records in memory"
    return named if isinstance(named, str) else ", ".join(data_paths(named))
