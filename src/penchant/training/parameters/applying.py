"""The strategy of a run at work: checked with the model, prepared or restored, and described."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from penchant.errors import CheckpointError
from penchant.forest.supply import Supply
from penchant.training.checkpoints import output_errors
from penchant.training.parameters.strategy import PARAMETERS_FILE, Start
from penchant.training.recipe import Recipe

if TYPE_CHECKING:
    from penchant.training.trainer import PreferenceTrainer

__all__ = ["check_strategy", "settle_strategy", "strategy_facts"]


def check_strategy(trainer: PreferenceTrainer, recipe: Recipe) -> None:
    """Refuse a model or data that the trainer's strategy does not support.

    Args:
        trainer: before training.
        recipe: the run.

    Raises:
        ConfigurationError: as `Strategy.check`.
    """
    if trainer.strategy is not None:
        trainer.strategy.check(_start(trainer, recipe))


def settle_strategy(
    trainer: PreferenceTrainer, recipe: Recipe, checkpoint: Path | None, folder: Path, say: Callable[[str], None]
) -> None:
    """Decide which weights move, or restore what a checkpoint's run decided, and keep it in the run's folder.

    Args:
        trainer: before training, with the model as the run began.
        recipe: the run.
        checkpoint: to continue from, or None.
        folder: of the run.
        say: shows progress.

    Raises:
        CheckpointError: the checkpoint does not hold it.
    """
    strategy = trainer.strategy
    if strategy is None:
        return
    start = _start(trainer, recipe)
    if checkpoint is None:
        say(f"Choosing which weights move ({strategy.id})")
        strategy.prepare(start)
    else:
        file = checkpoint / PARAMETERS_FILE
        if not file.is_file():
            raise CheckpointError(
                f"{checkpoint.name} does not say which weights move: {PARAMETERS_FILE} is missing.",
                where=str(checkpoint),
                fix="Start again with --overwrite, or restore the checkpoint.",
            )
        strategy.resume(start, torch.load(file, map_location="cpu", weights_only=True))
    if trainer.accelerator.is_main_process:
        with output_errors(folder):
            torch.save(strategy.state(), folder / PARAMETERS_FILE)


def strategy_facts(trainer: PreferenceTrainer, folder: Path) -> dict[str, Any]:
    """What the summary says of the strategy; nothing without one. What is kept beside the model is written.

    Args:
        trainer: after training.
        folder: of the run.
    """
    strategy = trainer.strategy
    if strategy is None:
        return {}
    if trainer.accelerator.is_main_process:
        with output_errors(folder):
            strategy.save(folder)
    return {"parameter_strategy": {"name": strategy.id, **strategy.settings}, **strategy.facts()}


def _start(trainer: PreferenceTrainer, recipe: Recipe) -> Start:
    # Gradients in float16 would need the scaler of the training steps; float32 needs none.
    scaled = trainer.accelerator.scaler is not None
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext if scaled else trainer.accelerator.autocast
    return Start(
        scorer=trainer.scorer,
        supply=Supply.of(trainer.examples),
        objective=trainer.objective,
        batch_size=recipe.batch_size,
        parts=trainer.args.gradient_accumulation_steps,
        autocast=autocast,
        seed=recipe.seed,
        epochs=trainer.plan.epochs,
        reference=trainer.reference,
        loader=trainer.get_train_dataloader,
        processes=trainer.args.world_size,
        total=lambda each: trainer.accelerator.reduce(each, "sum"),
    )
