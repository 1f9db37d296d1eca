"""Standard tasks by lm-evaluation-harness, run on what a run saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, DataError

__all__ = ["run_tasks"]

INSTALL = "pip install 'penchant[lm-eval]'"


def run_tasks(
    model: str,
    tasks: Sequence[str],
    *,
    limit: int | None = None,
    device: str = "cpu",
    batch_size: int = 8,
    tokenizer: str | None = None,
    folder: Path | None = None,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """The figures of each task, as the harness names them: ``acc,none``, ``acc_stderr,none``, ...

    Formula, range and direction are those of each task; an accuracy lies in [0, 1], and higher is better.

    Args:
        model: folder or hub id.
        tasks: names of the harness, or of files in ``folder``.
        limit: maximum items of a task; None for all.
        device: where the model runs.
        batch_size: sequences per forward pass.
        tokenizer: folder or hub id; None for that of the model.
        folder: with task files of one's own.
        seed: of the harness: few-shot examples and sampling.

    Raises:
        ConfigurationError: lm-evaluation-harness is not installed, or it has no such task.
        DataError: the data of a task cannot be loaded.
    """
    manager = _manager(tasks, folder)
    from lm_eval import simple_evaluate

    try:
        found = simple_evaluate(
            model="hf",
            model_args={"pretrained": model, **({} if tokenizer is None else {"tokenizer": tokenizer})},
            tasks=list(tasks),
            limit=limit,
            device=device,
            batch_size=batch_size,
            task_manager=manager,
            random_seed=seed,
            numpy_random_seed=seed,
            torch_random_seed=seed,
            fewshot_random_seed=seed,
            bootstrap_iters=0,
        )
    except (OSError, ValueError, RuntimeError) as error:
        said = str(error).strip().splitlines()
        raise DataError(
            f"The tasks {', '.join(tasks)} could not be run: {said[0] if said else repr(error)}",
            where=model,
            why="Most tasks load their data from the Hugging Face hub, which needs a connection or a filled cache.",
            fix="Connect to the hub once, or give task files with local data by --task-folder.",
        ) from error
    return {name: _numbers(values) for name, values in (found or {}).get("results", {}).items()}


def _manager(tasks: Sequence[str], folder: Path | None) -> Any:
    """The harness's list of tasks, which has all that are wanted."""
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise ConfigurationError(
            "Standard tasks are run by lm-evaluation-harness, which is not installed.", where="--tasks", fix=INSTALL
        ) from error
    manager = TaskManager(include_path=None if folder is None else str(folder))
    if unknown := [each for each in tasks if each not in manager.all_tasks]:
        raise ConfigurationError(
            f"lm-evaluation-harness has no task {unknown[0]!r}.",
            where="--tasks",
            fix="`lm-eval ls tasks` names them; --task-folder adds files of your own.",
        )
    return manager


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    """The figures alone, without names of the task and of its aliases."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and "," in name
    }
