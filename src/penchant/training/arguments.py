"""The recipe in the terms of transformers' Trainer."""

from __future__ import annotations

from pathlib import Path

from transformers import TrainingArguments

from penchant.training.recipe import Recipe

__all__ = ["training_arguments"]

# Checkpoints a run where the recipe does not say how often.
CHECKPOINTS = 10


def training_arguments(recipe: Recipe, steps: int, folder: Path) -> TrainingArguments:
    """Arguments of transformers' Trainer for a run of ``steps`` optimizer steps.

    Args:
        recipe: the run.
        steps: length of the plan.
        folder: where checkpoints go.
    """
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        # The plan already holds whole steps; this number only fills Trainer's own log lines.
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=round(recipe.warmup * steps),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        optim=recipe.optimizer,
        bf16=recipe.precision == "bfloat16",
        fp16=recipe.precision == "float16",
        gradient_checkpointing=recipe.gradient_checkpointing,
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
        use_cpu=recipe.device == "cpu",
        ddp_find_unused_parameters=False,
    )
