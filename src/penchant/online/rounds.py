"""The training of one round, by the one trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penchant.forest.batching import plan_batches
from penchant.forest.encoding import Example
from penchant.training.arguments import micro_batches, training_arguments
from penchant.training.checkpoints import find_checkpoint, output_errors
from penchant.training.recorder import Recorder
from penchant.training.trainer import PreferenceTrainer

if TYPE_CHECKING:
    from penchant.online.loop import OnlineRun

__all__ = ["Trained", "train_round"]

# A round of more steps than this is saved five times on its way, where the recipe does not say how often.
LONG = 50


@dataclass(frozen=True)
class Trained:
    """What came of a round: its steps, whether it was done to the end, and the optimizer's state."""

    steps: int
    whole: bool
    optimizer: dict[str, Any]


def train_round(run: OnlineRun, iteration: int, examples: Sequence[Example], sampled: dict[str, float]) -> Trained:
    """Train on a round's examples, from its last checkpoint where there is one.

    Args:
        run: the run.
        iteration: number of the round, from 0.
        examples: at least one.
        sampled: numbers about the samples, told with the first step.
    """
    recipe, objective = run.recipe, run.prepared.objective
    sizes = [example.size for example in examples]
    plan = plan_batches(
        sizes,
        batch_size=recipe.batch_size,
        tokens_per_batch=recipe.tokens_per_batch,
        epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        seed=recipe.seed * 1_000_003 + iteration,
        group_by_length=recipe.group_by_length,
    )
    folder = run._place(iteration) / "checkpoints"
    every = recipe.save_every or (-(-len(plan) // 5) if len(plan) > LONG else None)
    # Held-out measurements are taken between rounds, not by the trainer.
    settings = recipe.model_copy(update={"eval_every": None, "save_every": every})
    parts = micro_batches(settings, plan, sizes, 1, objective.batch_coupled)
    args = training_arguments(settings, len(plan), folder, parts)
    if every is None:
        args.save_strategy = type(args.save_strategy)("no")
    trainer = PreferenceTrainer(
        scorer=run.scorer,
        reference=run.reference,
        objective=objective,
        examples=examples,
        plan=plan,
        args=args,
        callbacks=[_forwarding(run, sampled), run.interrupt],
    )
    # A batch of groups with equal rewards has no gradient, and that is no mistake here.
    trainer.grad_examined = True
    optimizer = trainer.create_optimizer()
    if run.optimizer is not None:
        optimizer.load_state_dict(run.optimizer)
    checkpoint = find_checkpoint(folder)
    with output_errors(folder):
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    assert trainer.optimizer is not None
    return Trained(len(plan), trainer.state.global_step >= len(plan), trainer.optimizer.state_dict())


def _forwarding(run: OnlineRun, sampled: dict[str, float]) -> Recorder:
    """Passes the trainer's logs on to the run's, whose steps count through all rounds."""
    before = run.steps

    def forward(step: int, split: str, numbers: dict[str, float]) -> None:
        run.recorder.write(before + step, split, {**numbers, **(sampled if step == 1 else {})})

    return Recorder(None, lambda step: 0.0, (forward,))
