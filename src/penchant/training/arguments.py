"""The recipe as arguments of transformers' Trainer, and the number of micro-batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainingArguments

from penchant.errors import ConfigurationError
from penchant.forest.batching import Plan
from penchant.training.devices.processes import Processes
from penchant.training.devices.zero import zero_config
from penchant.training.following.watching import measured_every, saves, watch_of
from penchant.training.recipe import Recipe

__all__ = ["Arguments", "micro_batches", "own_optimizer", "training_arguments"]

# Checkpoints per run unless the recipe says how often to save.
CHECKPOINTS = 10

# Tokens per micro-batch on a CPU.
CPU_TOKENS = 512


@dataclass
class Arguments(TrainingArguments):
    """Arguments of transformers' Trainer, with those of the optimizer by the names of its class."""

    optimizer_arguments: dict[str, Any] = field(default_factory=dict)


def own_optimizer(args: TrainingArguments, model: Any = None) -> tuple[Any, dict[str, Any]]:
    """The optimizer's class and its arguments, those of the recipe included.

    Args:
        args: of the run.
        model: the policy; a few optimizers read its layers.
    """
    made, own = Trainer.get_optimizer_cls_and_kwargs(args, model)
    given = getattr(args, "optimizer_arguments", {})
    return made, {**own, **{key: tuple(each) if isinstance(each, list) else each for key, each in given.items()}}


def training_arguments(
    recipe: Recipe, steps: int, folder: Path, accumulate: int, processes: Processes | None = None
) -> Arguments:
    """Arguments of transformers' Trainer for a run of ``steps`` optimizer steps.

    Args:
        recipe: the run.
        steps: length of the plan.
        folder: where checkpoints go.
        accumulate: micro-batches per step and process.
        processes: the run's processes; default: one.

    Raises:
        ConfigurationError: transformers refuses them on this machine.
    """
    try:
        values = _values(recipe, steps, folder, accumulate) | _device_values(recipe, processes or Processes())
        return Arguments(**values)
    except (ValueError, ImportError) as error:
        raise ConfigurationError(
            f"transformers refuses these settings ({' '.join(str(error).split())[:240]}).", where="recipe"
        ) from error


def _values(recipe: Recipe, steps: int, folder: Path, accumulate: int) -> dict[str, Any]:
    every, watch = measured_every(recipe, steps), watch_of(recipe)
    return dict(
        output_dir=str(folder),
        max_steps=steps,
        # The plan already holds whole steps; this number only fills Trainer's own log lines.
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=accumulate,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        lr_scheduler_kwargs=dict(recipe.schedule_arguments),
        # Rounded up, as transformers rounds a share itself, so that a run beside another library has its schedule. The
        # first step of a warm-up has learning rate 0, so a run of one step has none.
        warmup_steps=math.ceil(recipe.warmup * steps) if steps > 1 else 0,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        optim=recipe.optimizer,
        optimizer_arguments=dict(recipe.optimizer_arguments),
        bf16=recipe.precision == "bfloat16",
        fp16=recipe.precision == "float16",
        seed=recipe.seed,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if every else "no",
        eval_steps=every,
        # Schedules that follow a metric read it here; the best model is kept by `BestKeeper`.
        metric_for_best_model=None if watch is None else watch.metric,
        greater_is_better=None if watch is None else watch.larger_is_better,
        save_strategy="steps" if saves(recipe) else "no",
        save_steps=recipe.save_every or max(1, -(-steps // CHECKPOINTS)),
        save_total_limit=recipe.keep_checkpoints if saves(recipe) else 0,
        save_only_model=recipe.checkpoints == "weights",
        # The run opens its loggers itself, before the model is measured.
        report_to="none",
        run_name=Path(recipe.output).name,
        disable_tqdm=True,
        remove_unused_columns=False,
        # Explicit, because transformers otherwise assumes that bfloat16 needs a GPU.
        use_cpu=recipe.device == "cpu" or not torch.accelerator.is_available(),
        ddp_find_unused_parameters=False,
    )


def _device_values(recipe: Recipe, processes: Processes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if recipe.gradient_checkpointing or processes.options.get("gradient_checkpointing"):
        found["gradient_checkpointing"] = True
    if (config := zero_config(processes.strategy)) is not None:
        found["deepspeed"] = config
    return found


def micro_batches(recipe: Recipe, plan: Plan, sizes: Sequence[int], processes: int, coupled: bool) -> int:
    """The number of micro-batches that a step is split into.

    On a CPU small micro-batches cost no speed (there is no padding to amortise) and need less memory, so a
    step is split into parts of about 512 tokens. On a GPU, which is faster with large batches, it is not split.

    Args:
        recipe: may set the number.
        plan: the run's steps.
        sizes: tokens of every example.
        processes: number of processes that share a step.
        coupled: whether a split step is scored twice (`Objective.scored_twice`).
    """
    if recipe.accumulate is not None:
        return recipe.accumulate
    if coupled or (recipe.device != "cpu" and torch.cuda.is_available()):
        return 1
    largest = max(sum(sizes[index] for index in step) for step in plan.steps)
    most = max(len(step) for step in plan.steps)
    return max(1, min(-(-largest // (CPU_TOKENS * processes)), -(-most // processes)))
