"""The recipe as arguments of transformers' Trainer, and the number of micro-batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from penchant.errors import ConfigurationError
from penchant.forest.batching import Plan
from penchant.training.recipe import Recipe

__all__ = ["micro_batches", "refuse_split", "training_arguments"]

# Checkpoints per run unless the recipe says how often to save.
CHECKPOINTS = 10

# Tokens per micro-batch on a CPU.
CPU_TOKENS = 512


def training_arguments(recipe: Recipe, steps: int, folder: Path, accumulate: int) -> TrainingArguments:
    """Arguments of transformers' Trainer for a run of ``steps`` optimizer steps.

    Args:
        recipe: the run.
        steps: length of the plan.
        folder: where checkpoints go.
        accumulate: micro-batches per step and process.

    Raises:
        ConfigurationError: transformers refuses them on this machine.
    """
    try:
        return TrainingArguments(**_values(recipe, steps, folder, accumulate))
    except (ValueError, ImportError) as error:
        raise ConfigurationError(
            f"transformers refuses these settings ({' '.join(str(error).split())[:240]}).", where="recipe"
        ) from error


def _values(recipe: Recipe, steps: int, folder: Path, accumulate: int) -> dict[str, Any]:
    return dict(
        output_dir=str(folder),
        max_steps=steps,
        # The plan already holds whole steps; this number only fills Trainer's own log lines.
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=accumulate,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        # Rounded up, as transformers rounds a share itself, so that a run beside another library has its schedule. The
        # first step of a warm-up has learning rate 0, so a run of one step has none.
        warmup_steps=math.ceil(recipe.warmup * steps) if steps > 1 else 0,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        optim=recipe.optimizer,
        bf16=recipe.precision == "bfloat16",
        fp16=recipe.precision == "float16",
        **({"gradient_checkpointing": True} if recipe.gradient_checkpointing else {}),
        seed=recipe.seed,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if recipe.eval_every else "no",
        eval_steps=recipe.eval_every,
        save_strategy="steps",
        save_steps=recipe.save_every or max(1, -(-steps // CHECKPOINTS)),
        save_total_limit=max(2, recipe.keep_checkpoints),
        report_to=recipe.report_to or "none",
        disable_tqdm=True,
        remove_unused_columns=False,
        # Explicit, because transformers otherwise assumes that bfloat16 needs a GPU.
        use_cpu=recipe.device == "cpu" or not torch.accelerator.is_available(),
        ddp_find_unused_parameters=False,
    )


def refuse_split(recipe: Recipe, processes: int, coupled: bool) -> None:
    """Refuse to split a step of an objective whose loss per example depends on the rest of its batch.

    Args:
        recipe: may set the number of micro-batches.
        processes: number of processes that share a step.
        coupled: whether the objective is such a one.

    Raises:
        ConfigurationError: the recipe would split a step of a coupled objective.
    """
    if coupled and (processes > 1 or (recipe.accumulate or 1) > 1):
        raise ConfigurationError(
            f"In this objective the loss of an example depends on the whole step, but the step would be split into "
            f"{processes * (recipe.accumulate or 1)} parts.",
            why="The loss would change with the split.",
            fix="Use one process and accumulate=1.",
        )


def micro_batches(recipe: Recipe, plan: Plan, sizes: Sequence[int], processes: int, coupled: bool) -> int:
    """The number of micro-batches that a step is split into.

    On a CPU small micro-batches cost no speed (there is no padding to amortise) and need less memory, so a
    step is split into parts of about 512 tokens. On a GPU, which is faster with large batches, it is not split.

    Args:
        recipe: may set the number.
        plan: the run's steps.
        sizes: tokens of every example.
        processes: number of processes that share a step.
        coupled: whether an example's loss depends on the rest of its batch, so that splitting would change it.

    Raises:
        ConfigurationError: the recipe would split a step of a coupled objective.
    """
    refuse_split(recipe, processes, coupled)
    if recipe.accumulate is not None:
        return recipe.accumulate
    if coupled or (recipe.device != "cpu" and torch.cuda.is_available()):
        return 1
    largest = max(sum(sizes[index] for index in step) for step in plan.steps)
    most = max(len(step) for step in plan.steps)
    return max(1, min(-(-largest // (CPU_TOKENS * processes)), -(-most // processes)))
