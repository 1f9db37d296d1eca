"""`unlearn`: training that forgets a set of records, measured before, during and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Unpack

from penchant.errors import ConfigurationError
from penchant.evaluation.unlearning.evaluating import (
    Sets,
    load_subject,
    measure_model,
    read_sets,
    report_of,
)
from penchant.evaluation.unlearning.relearning import Attack, relearning_curve
from penchant.evaluation.unlearning.tofu import rouge_recall
from penchant.feedback.sources import as_paths
from penchant.training.devices.processes import find_processes
from penchant.training.folder import RunFolder
from penchant.training.preparation import Given, build_objective
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe, make_recipe
from penchant.training.recipe_keywords import RecipeKeywords
from penchant.training.run import Result, run
from penchant.training.unlearning.follower import Follower
from penchant.training.unlearning.methods import objective_of_method
from penchant.training.unlearning.refusing import with_refusals

__all__ = ["Examination", "Unlearned", "unlearn", "unlearn_recipe"]


@dataclass(frozen=True)
class Examination:
    """How a run of unlearning is measured.

    Args:
        retrained: a model that never saw the forget set: folder, hub id, or in memory.
        kept: further sets to keep by name, such as ``real_authors`` and ``world_facts``; they are not trained on.
        holdout: records like those to forget that no model was trained on, for membership inference.
        questions: at most this many questions of each set.
        every: steps between measurements; default: six in a run.
        attack: the relearning attack after training.
        refusals: file with one refusal a line, for methods that refuse.
    """

    retrained: Any = None
    kept: Mapping[str, Any] | None = None
    holdout: Any = None
    questions: int | None = 100
    every: int | None = None
    attack: Attack = field(default_factory=Attack)
    refusals: str | Path | None = None


@dataclass(frozen=True)
class Unlearned:
    """The result of unlearning.

    Args:
        run: the result of training.
        report: the contents of ``unlearning.json``; see `penchant.evaluation.unlearning.evaluating.report_of`.
        page: ``unlearning.html``.
    """

    run: Result
    report: dict[str, Any]
    page: Path


def unlearn(
    model: Any,
    forget: Any,
    retain: Any = None,
    method: str = "npo",
    output: str | Path = "runs/unlearned",
    *,
    tokenizer: Any = None,
    retrained: Any = None,
    kept: Mapping[str, Any] | None = None,
    holdout: Any = None,
    refusals: str | Path | None = None,
    questions: int | None = 100,
    measure_every: int | None = None,
    attack: Attack | None = None,
    hyper: Mapping[str, Any] | None = None,
    resume: bool | Literal["auto"] = False,
    overwrite: bool = False,
    progress: bool = False,
    **recipe: Unpack[RecipeKeywords],
) -> Unlearned:
    """Train a model to forget records, and measure what it forgets and what it keeps.

    The training is that of `penchant.train` with the sources ``forget`` and ``retain``. A method without a retain term
    gets one if there are records to keep (``npo`` becomes ``npo + retain-nll``).

    Args:
        model: a folder, a hub id, or a causal language model in memory (trained in place).
        forget: demonstrations to forget: file, folder, hub id, or records. The fields ``paraphrase`` and ``perturbed``
            (right answer in other words, wrong answers) serve the truth ratio.
        retain: demonstrations to keep; needed by methods that have a retain term.
        method: id, named sum or expression (``penchant methods --family unlearning``).
        output: the run's folder.
        tokenizer: required if the model is given in memory.
        retrained: a model that never saw the forget set, the reference of every number.
        kept: further sets to keep by name, measured only.
        holdout: records like those to forget that no model was trained on, for membership inference.
        refusals: file with one refusal a line, for the methods ``idk`` and ``idk-dpo``; a list of eight by default.
        questions: at most this many questions of each set are measured, evenly spaced; None for all.
        measure_every: steps between measurements; default: six in a run.
        attack: the relearning attack after training; ``Attack(steps=0)`` for none.
        hyper: hyper-parameters of the method.
        resume: as for `penchant.train`, and so are ``overwrite`` and ``progress``.
        recipe: further keys of a `penchant.training.Recipe`.

    Returns:
        The run, with the report of what was forgotten.

    Raises:
        PenchantError: recipe, data or a model cannot be used; the message says what to do.
    """
    data = {"forget": forget} | ({} if retain is None else {"retain": retain})
    given = Given(tokenizer=tokenizer)
    values = _named(given, {"model": model, "data": data})
    values["objective"] = {"name": objective_of_method(method, retain is not None), **(hyper or {})}
    settings = make_recipe({**recipe, **values, "output": str(output)}, "penchant.unlearn")
    wanted = Examination(retrained, kept, holdout, questions, measure_every, attack or Attack(), refusals)
    reporter = ProgressReporter(not progress)
    return unlearn_recipe(settings, given, wanted, resume=resume, overwrite=overwrite, reporter=reporter)


def _named(given: Given, things: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's values for a model and data; what has no path is kept in ``given``."""
    values: dict[str, Any] = {}
    for key, value in things.items():
        paths = as_paths(value)
        if paths is None:
            setattr(given, key, value)
        values[key] = f"in memory ({type(value).__name__})" if paths is None else paths
    return values


def unlearn_recipe(
    recipe: Recipe,
    given: Given,
    wanted: Examination,
    *,
    resume: bool | Literal["auto"] = False,
    overwrite: bool = False,
    reporter: ProgressReporter,
) -> Unlearned:
    """Train as a recipe says, and measure what is forgotten.

    Args:
        recipe: its data are named sources, ``forget`` and perhaps ``retain``.
        given: objects in memory that replace names in the recipe.
        wanted: how it is measured.
        resume: continue from the last checkpoint.
        overwrite: delete the run in the output folder.
        reporter: shows progress.

    Raises:
        PenchantError: recipe, data or a model cannot be used.
    """
    if find_processes(recipe.strategy, recipe.processes).count > 1:
        raise ConfigurationError(
            "Unlearning is measured during training, which several processes do not share.",
            fix="Train with `penchant train` (data: {forget: ..., retain: ...}), and measure the model with "
            "`penchant unlearn --evaluate`.",
        )
    rouge_recall([], [])  # a missing package is found before training
    recipe, given = _prepared(recipe, given, wanted, reporter)
    sets = _sets(recipe, given, wanted)
    examined = partial(_subject, recipe, given)
    retrained = None
    if wanted.retrained is not None:
        reporter.say("Measuring the model that never saw the forget set")
        subject = examined(wanted.retrained)
        retrained = measure_model(subject, sets)
    follower = Follower(examined, sets, retrained, Path(recipe.output), wanted.every, reporter.say)
    callbacks = [*given.callbacks, follower]
    result = run(recipe, replace(given, callbacks=callbacks), resume=resume, overwrite=overwrite, reporter=reporter)
    before = follower.before or (measure_model(examined(recipe.model), sets) if given.model is None else None)
    after = examined(result.model)
    held = measure_model(after, sets)
    if not follower.path or follower.path[-1]["step"] < result.summary["steps"]:
        follower.add(held, result.summary["steps"])
    models = {"before": before, "after": held, "retrained": retrained}
    measured = {name: each for name, each in models.items() if each is not None}
    curves = {}
    if wanted.attack.steps:
        reporter.say("Attacking: relearning from a few forgotten records")
        curves["after"] = relearning_curve(after, sets.forget, wanted.attack)
        if wanted.retrained is not None:
            curves["retrained"] = relearning_curve(examined(wanted.retrained), sets.forget, wanted.attack)
    report = report_of(
        sets, measured, relearning=curves, attack=wanted.attack, trajectory=follower.path, notes=_warnings(result)
    )
    return Unlearned(result, report, _written(report, result, recipe))


def _prepared(recipe: Recipe, given: Given, wanted: Examination, reporter: ProgressReporter) -> tuple[Recipe, Given]:
    """Recipe and objects in memory, with refusals in the forget set where the method reads them."""
    data = _data(recipe, given)
    objective = given.objective or build_objective(recipe)
    if "idk" not in objective.requirements.views:
        return recipe, given
    forget = with_refusals(
        data["forget"], wanted.refusals, Path(recipe.output), reporter, recipe.seed, **_reading(recipe)
    )
    data = {**data, "forget": forget}
    if (paths := as_paths(data)) is None:
        return recipe, replace(given, data=data)
    return recipe.model_copy(update={"data": paths}), replace(given, data=None)


def _data(recipe: Recipe, given: Given) -> dict[str, Any]:
    data = recipe.data if given.data is None else given.data
    if not isinstance(data, dict) or "forget" not in data:
        raise ConfigurationError(
            "Unlearning needs a forget set.",
            where="data",
            fix="Give --forget FILE, and --retain FILE for what is kept.",
        )
    return data


def _sets(recipe: Recipe, given: Given, wanted: Examination) -> Sets:
    data = _data(recipe, given)
    return read_sets(
        data["forget"],
        data.get("retain"),
        kept=wanted.kept,
        holdout=wanted.holdout,
        limit=wanted.questions,
        **_reading(recipe),
    )


def _reading(recipe: Recipe) -> dict[str, Any]:
    options = {"mapping": recipe.mapping or None, "kind": recipe.kind, "on_bad": recipe.on_bad}
    return {**options, "train_on": recipe.train_on, "split": recipe.split}


def _subject(recipe: Recipe, given: Given, model: Any) -> Any:
    """A model as the run renders texts."""
    named = isinstance(model, str | Path)
    tokenizer = given.tokenizer
    if tokenizer is None and not named:
        from penchant.rendering.tokenizer import load_tokenizer

        tokenizer = load_tokenizer(recipe.model, recipe.base)
    return load_subject(
        model,
        tokenizer,
        max_length=recipe.max_length,
        chat_template=recipe.chat_template,
        end_token=recipe.end_token,
        template_arguments=recipe.template_arguments,
        as_chat=recipe.as_chat,
    )


def _warnings(result: Result) -> list[str]:
    return [str(text) for text in result.summary.get("warnings", [])]


def _written(report: dict[str, Any], result: Result, recipe: Recipe) -> Path:
    """``unlearning.json`` and ``unlearning.html`` in the run's folder."""
    from penchant.evaluation.report.unlearning_page import write_unlearning

    RunFolder(result.folder).write_json("unlearning.json", report)
    summary = result.summary
    title = f"Unlearning with {summary['title'].removesuffix(' on ' + summary['data'])}"
    subtitle = f"{recipe.model}, data {summary['data']}, run {result.folder}"
    return write_unlearning(report, result.folder / "unlearning.html", title, subtitle)
