"""Loggers of a run (wandb, tensorboard, ...): built and opened before the model is measured."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from penchant.errors import ConfigurationError, nearest

__all__ = ["EVENTS", "build_loggers", "open_loggers"]

#: The folder of a run that holds what its loggers write.
EVENTS = "events"


def build_loggers(names: Sequence[str]) -> list[TrainerCallback]:
    """The loggers by their names in transformers.

    Args:
        names: for example ``["wandb"]``; ``["all"]`` stands for every one that is installed.

    Raises:
        ConfigurationError: there is no such logger, or its package is not installed.
    """
    from transformers.integrations import get_available_reporting_integrations
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    known: dict[str, Any] = INTEGRATION_TO_CALLBACK
    loggers = []
    for name in get_available_reporting_integrations() if list(names) == ["all"] else names:
        if name not in known:
            raise ConfigurationError(
                f"There is no logger {name!r}. {nearest(name, known)}", where="report_to", fix="none logs nothing."
            )
        try:
            loggers.append(known[name]())
        except (ImportError, RuntimeError) as error:
            raise ConfigurationError(
                f"The logger {name!r} cannot be used ({' '.join(str(error).split())}).",
                where="report_to",
                fix="Install its package, or remove it from report_to; metrics.jsonl and report.html are always there.",
            ) from error
    return loggers


def open_loggers(
    loggers: Sequence[TrainerCallback], args: TrainingArguments, folder: Path, model: Any, first: bool
) -> None:
    """Open every logger, so that a missing login or server is found before the run begins.

    Files of a logger go to ``events/`` in the run's folder, unless its own environment variables name a place.

    Args:
        loggers: of the run.
        args: arguments of the trainer.
        folder: the run's folder.
        model: the policy.
        first: whether this process logs.

    Raises:
        ConfigurationError: a logger cannot be opened.
    """
    state = TrainerState(max_steps=args.max_steps, is_world_process_zero=first, is_local_process_zero=first)
    for logger in loggers:
        if getattr(logger, "logging_dir", "") is None:
            vars(logger)["logging_dir"] = str(folder / EVENTS)
        try:
            with _files_in(folder / EVENTS):
                logger.on_train_begin(args, state, TrainerControl(), model=model)
        except Exception as error:
            raise ConfigurationError(
                f"The logger {type(logger).__name__.removesuffix('Callback')} cannot be opened "
                f"({type(error).__name__}: {' '.join(str(error).split())[:240]}).",
                where="report_to",
                fix="Log in or start its server first, or remove it from report_to.",
            ) from error


@contextmanager
def _files_in(folder: Path) -> Iterator[None]:
    """Local files of wandb go to a folder; it reads the place from the environment, when it is opened."""
    if "WANDB_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["WANDB_DIR"]
