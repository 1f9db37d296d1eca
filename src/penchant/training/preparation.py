"""Everything of a run that can be decided before a model is loaded: data, tokens, and the plan of all steps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penchant.checks.diagnosis import Diagnosis
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.reading import read
from penchant.forest.batching import Plan, plan_batches
from penchant.forest.encoding import EncodedData, RecordEncoder
from penchant.modalities import Modality, find_modality
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe, is_half_factor

__all__ = ["Given", "Prepared", "build_objective", "prepare", "read_data", "resolved"]

# How many training examples are measured where nothing is held out.
STAND_IN = 200
# A run checks this many records; `penchant data check` checks all.
CHECKED = 5000


@dataclass
class Given:
    """Objects that a caller hands over in memory instead of naming them in the recipe."""

    model: Any = None
    tokenizer: Any = None
    data: Any = None
    eval_data: Any = None
    objective: Objective | None = None


@dataclass
class Prepared:
    """What `prepare` decides.

    Args:
        objective: the objective.
        modality: what the responses are made of, and what a run does differently for it.
        train: the training records; ``heldout`` the held-out ones (or some of the training records).
        examples: the encoded training data; ``heldout_examples`` the held-out ones.
        plan: every step.
        measured_on: in words, what before and after are measured on.
        held_out: whether that is data that is not trained on.
        diagnosis: what the checks of the training data found; None where they were left out.
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


def build_objective(recipe: Recipe) -> Objective:
    """The recipe's objective, checked before anything is loaded.

    Raises:
        ConfigurationError: unknown name or hyper-parameter, or a value out of range.
    """
    name, hyper = str(recipe.objective["name"]), recipe.hyper
    objective = build(name, **hyper)
    # The factor between error and log-likelihood is set once, for the likelihood; an objective on errors is given it.
    scaled = dict.fromkeys(filter(is_half_factor, objective.hyper), recipe.half_factor)
    return build(name, **{**hyper, **scaled}) if scaled else objective


def resolved(recipe: Recipe, objective: Objective) -> dict[str, Any]:
    """The recipe as it is kept: every hyper-parameter of the objective stated, objects in memory named."""
    values = recipe.model_dump(exclude_none=True)
    values["objective"] = {"name": recipe.objective["name"], **objective.hyper}
    result: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return result


def prepare(recipe: Recipe, given: Given, reporter: ProgressReporter, *, check: bool = True) -> Prepared:
    """Read, check and encode the data, and plan the run.

    Args:
        recipe: the run's recipe.
        given: objects in memory.
        reporter: shows progress.
        check: False leaves the checks of the data out, in processes other than the first.

    Raises:
        PenchantError: anything wrong with data, tokenizer or objective.
    """
    objective = given.objective or build_objective(recipe)
    reporter.say(f"Reading {_name(given.data, recipe.data)}")
    train, heldout, measured_on = read_data(recipe, given)
    for feedback in (train, heldout):
        if feedback.bad:
            reporter.warn(
                f"{len(feedback.bad)} bad records of {feedback.name} were left out; the first: {feedback.bad[0]}"
            )
    modality = find_modality(recipe.modality, recipe.model, given.model)(recipe, given.model, given.tokenizer)
    held_out = not measured_on.startswith("training")
    diagnosis = _check(modality, train, heldout if held_out else None, reporter) if check else None
    encoder = modality.encoder(objective)
    examples = _encode(encoder, train, "Encoding", modality.max_length, reporter)
    heldout_examples = _encode(encoder, heldout, "Encoding held-out data", modality.max_length, reporter)
    plan = plan_batches(
        [example.size for example in examples.examples],
        batch_size=recipe.batch_size,
        tokens_per_batch=recipe.tokens_per_batch,
        epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        seed=recipe.seed,
        group_by_length=recipe.group_by_length,
    )
    parts = (objective, modality, train, heldout, examples, heldout_examples, plan)
    return Prepared(*parts, measured_on=measured_on, held_out=held_out, diagnosis=diagnosis)


def _check(modality: Modality, train: Feedback, other: Feedback | None, reporter: ProgressReporter) -> Diagnosis:
    """The checks of `penchant data check`, before any model is loaded; what makes training wrong is shown at once."""
    diagnosis = modality.examine(train[:CHECKED], other)
    for check in diagnosis.checks:
        if check.verdict == "error":
            reporter.warn(f"{train.name}: {check.name}: {check.value}. {check.detail}".strip())
    return diagnosis


def _name(given: Any, named: str) -> str:
    return str(given) if isinstance(given, str | Path) else (named if given is None else "records in memory")


def read_data(recipe: Recipe, given: Given) -> tuple[Feedback, Feedback, str]:
    """The feedback to train on, that to measure on, and what the latter is, in words."""
    options: dict[str, Any] = {"mapping": recipe.mapping or None, "kind": recipe.kind, "on_bad": recipe.on_bad}
    source = recipe.data if given.data is None else given.data
    if not isinstance(source, str | Path) and isinstance(source, Iterable):
        source = list(source)
    train = source if isinstance(source, Feedback) else read(source, split=recipe.split, **options)
    separate = recipe.eval_data if given.eval_data is None else given.eval_data
    if separate is not None or recipe.eval_split is not None:
        held = source if separate is None else separate
        heldout = held if isinstance(held, Feedback) else read(held, split=recipe.eval_split, **options)
        if separate is None and recipe.split is None:
            raise ConfigurationError(
                f"eval_split={recipe.eval_split} is held out of the data, but split is not given, so it would be "
                "trained on as well.",
                fix="Give split=train (the rows to train on) beside it.",
            )
        told = f"held-out data ({min(len(heldout), recipe.eval_limit or len(heldout))} records of {heldout.name})"
    elif recipe.eval_share is not None:
        seed = recipe.seed if recipe.eval_seed is None else recipe.eval_seed
        train, heldout = _divide(train, recipe.eval_share, seed)
        told = f"held-out data ({len(heldout)} records set aside from {train.name})"
    else:
        heldout = train[:STAND_IN]
        told = f"training data ({len(heldout)} records; nothing was held out)"
    if recipe.eval_limit is not None:
        heldout = heldout[: recipe.eval_limit]
    return train, heldout, told


def _divide(feedback: Feedback, share: float, seed: int) -> tuple[Feedback, Feedback]:
    """Set a share of the records aside; records with one prompt stay together, so that nothing leaks."""
    prompts: dict[str, list[int]] = {}
    for place, record in enumerate(feedback):
        prompts.setdefault(repr(record.prompt), []).append(place)
    groups = list(prompts.values())
    if len(groups) < 2:
        raise DataError(
            f"{feedback.name} has {len(groups)} distinct prompt, too few to hold a share out.",
            fix="Give held-out data with eval_data, or leave eval_share out.",
        )
    order = np.random.default_rng([seed, 1]).permutation(len(groups))
    held: set[int] = set()
    for place in order[: max(1, min(len(groups) - 1, round(share * len(groups))))]:
        held.update(groups[int(place)])
    parts = [[record for at, record in enumerate(feedback) if (at in held) is wanted] for wanted in (False, True)]
    train, heldout = (Feedback(part, kind=feedback.kind, name=feedback.name) for part in parts)
    train.bad = feedback.bad
    return train, heldout


def _encode(
    encoder: RecordEncoder, feedback: Feedback, title: str, limit: int | None, reporter: ProgressReporter
) -> EncodedData:
    total = len(feedback)
    with reporter.bar(title, total):
        every = max(1, total // 100)

        def advance(done: int) -> None:
            if done % every == 0 or done == total:
                reporter.advance(done, total)

        encoded = encoder.encode(feedback.records, advance)
    cut = encoded.cut
    if cut.dropped or cut.response_cut or cut.prompt_cut:
        reasons = ", ".join(f"{count} {reason}" for reason, count in cut.dropped_because.items())
        reporter.warn(
            f"{feedback.name}: of {total} records {cut.kept} are used, at most {limit} tokens of each; left out: "
            f"{reasons or 'none'}; prompts cut: {cut.prompt_cut}; responses cut: {cut.response_cut} (end token lost in "
            f"{cut.end_token_lost})."
        )
    return encoded
