"""What would fail at the end of a run is tried at its start: settings, loggers, saving, report, card and disk space."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from torch import nn

from penchant.errors import ConfigurationError, ModelError, OutputError, PenchantError
from penchant.evaluation.heldout import HeldOut
from penchant.training.card import model_card
from penchant.training.folder import RunFolder
from penchant.training.following.hub import check_hub
from penchant.training.following.loggers import build_loggers
from penchant.training.following.watching import saves, watch_of
from penchant.training.optimizing import check_optimizer, check_rates, check_schedule
from penchant.training.outcome import summarise
from penchant.training.preparation import Prepared, resolved
from penchant.training.recipe import Recipe

__all__ = ["check_start", "disk_estimate", "rehearse"]

GIB = 2**30
# Optimizers that keep less than two numbers per trained parameter; all others are counted with two.
STATES = {"sgd": 0, "adafactor": 0, "rmsprop": 1, "adagrad": 1, "lion": 1}


def check_start(recipe: Recipe) -> None:
    """Check what the recipe alone decides, before the run's folder is claimed and the data are read.

    Raises:
        ConfigurationError: metric, schedule, optimizer, a logger or the hub's repository cannot be used.
    """
    watch_of(recipe)
    check_schedule(recipe)
    check_optimizer(recipe, Path(recipe.output) / "checkpoints")
    build_loggers(recipe.report_to)
    if recipe.push_to_hub is not None and int(os.environ.get("RANK", "0")) == 0:
        check_hub(recipe.push_to_hub)


def rehearse(recipe: Recipe, prepared: Prepared, policy: nn.Module, folder: RunFolder) -> None:
    """Do everything that the end of the run does, without weights and numbers, in a temporary folder of the run.

    Configuration, generation settings and tokenizer are saved as they will be saved, card and report are rendered, and
    the disk space is compared with what model and checkpoints will take.

    Args:
        recipe: the run.
        prepared: its data and modality.
        policy: the loaded model.
        folder: the run's folder.

    Raises:
        ModelError: the model could not be saved.
        OutputError: the disk has too little space.
        ConfigurationError: card or report cannot be rendered, or the schedule does not fit the number of steps.
    """
    check_rates(recipe, len(prepared.plan))
    _check_disk(recipe, policy, len(prepared.plan), folder.path)
    place = folder.path / ".preflight"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        with _as_error(ModelError, "The trained model could not be saved", recipe.model):
            prepared.modality.save_settings(policy, place / "model")
        with _as_error(ConfigurationError, "The report of the run could not be written", str(folder.path)):
            _render(recipe, prepared, policy, RunFolder(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _render(recipe: Recipe, prepared: Prepared, policy: nn.Module, place: RunFolder) -> None:
    from penchant.evaluation.report import write_report

    nothing = HeldOut({"loss": 0.0})
    facts = summarise(
        recipe,
        prepared,
        policy,
        before=nothing,
        after=nothing,
        seconds=0.0,
        reference="",
        likelihood={},
        model_fingerprint="",
        warnings=[],
        processes={},
    )
    place.write_recipe(resolved(recipe, prepared.objective))
    place.write_json("summary.json", facts)
    if prepared.diagnosis is not None:
        place.write_json("doctor.json", prepared.diagnosis.as_dict())
    recipe_yaml = yaml.safe_dump(resolved(recipe, prepared.objective))
    place.write_text("card.md", model_card(facts, recipe_yaml, prepared.objective.paper, prepared.modality.card))
    write_report(place.path)


@contextmanager
def _as_error(kind: type[PenchantError], what: str, where: str) -> Iterator[None]:
    try:
        yield
    except PenchantError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise kind(
            f"{what} at the end of the run ({type(error).__name__}: {reason}).",
            where=where,
            why="It was tried before training, so nothing is lost.",
        ) from error


def disk_estimate(recipe: Recipe, policy: nn.Module, steps: int) -> dict[str, int]:
    """Bytes on disk that a run needs at most at one time, by purpose.

    Args:
        recipe: says what is kept.
        policy: the loaded model.
        steps: length of the run.
    """
    parameters = list(policy.parameters())
    whole = sum(each.numel() * each.element_size() for each in parameters)
    trained = sum(each.numel() * each.element_size() for each in parameters if each.requires_grad)
    # A checkpoint of an adapter holds the adapter alone.
    weights = trained if hasattr(policy, "peft_config") else whole
    numbers = next((count for name, count in STATES.items() if name in recipe.optimizer), 2)
    state = numbers * trained if recipe.checkpoints == "full" else 0
    made = max(1, steps // recipe.save_every) if recipe.save_every else min(steps, 10)
    # A new checkpoint is complete before the oldest is deleted.
    count = min(made, recipe.keep_checkpoints + 1) if saves(recipe) else 0
    found = {"model": whole, "checkpoints": count * (weights + state)}
    return {**found, "best": 2 * weights} if recipe.keep == "best" else found


def _check_disk(recipe: Recipe, policy: nn.Module, steps: int, folder: Path) -> None:
    wanted = disk_estimate(recipe, policy, steps)
    free = shutil.disk_usage(folder).free
    needed = sum(wanted.values())
    if needed > free:
        parts = ", ".join(f"{name} {size / GIB:.2f}" for name, size in wanted.items())
        raise OutputError(
            f"The run needs about {needed / GIB:.2f} GiB of disk space ({parts}), but {free / GIB:.2f} GiB are free.",
            where=str(folder),
            fix="Free disk space, choose another folder with --out, or keep less: keep_checkpoints=1, "
            "checkpoints=weights or checkpoints=none.",
        )
