"""`Learner`: trains one round with the trainer of offline runs."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from penchant.forest.batching import Plan, plan_batches
from penchant.forest.example import Example
from penchant.likelihood.references import Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.online.by_round import of_round
from penchant.online.recipe import OnlineRecipe
from penchant.training.arguments import micro_batches, training_arguments
from penchant.training.checkpoint_notes import Notes
from penchant.training.checkpoints import find_checkpoint, output_errors
from penchant.training.devices.agreement import agreed
from penchant.training.devices.processes import Processes
from penchant.training.parameters.rates import rates_of
from penchant.training.trainer import PreferenceTrainer

__all__ = ["BEGINNING", "Learner", "Trained"]

#: What a round falls back to when no checkpoint within it can be used.
BEGINNING = "the beginning of the round"

# A round with more steps than this is saved five times, unless the recipe says how often.
LONG = 50


@dataclass(frozen=True)
class Trained:
    """The result of a round: its steps, whether all are done, and the optimizer's state."""

    steps: int
    whole: bool
    optimizer: dict[str, Any]


@dataclass
class Learner:
    """Trains the policy on the examples of a round.

    Args:
        recipe: how to train.
        scorer: the policy.
        reference: the reference.
        objective: the loss.
        notes: what the checkpoints within a round keep, and whose they are.
        processes: those that share each step.
    """

    recipe: OnlineRecipe
    scorer: Scorer
    reference: Reference
    objective: Objective
    notes: Notes = field(default_factory=Notes)
    processes: Processes = field(default_factory=Processes)

    def train(
        self,
        examples: Sequence[Example],
        *,
        iteration: int,
        folder: Path,
        optimizer: dict[str, Any] | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> Trained:
        """Train on a round's examples, from its last checkpoint if there is one.

        Args:
            examples: at least one.
            iteration: number of the round, from 0; with the recipe's seed it decides the order of the examples.
            folder: of the round's checkpoints.
            optimizer: initial state of the optimizer, or None for a fresh one.
            callbacks: for the trainer.
        """
        plan = self._plan(examples, iteration)
        trainer = self._trainer(examples, plan, folder, callbacks)
        trainer.notes = self.notes_of(iteration)
        made = trainer.create_optimizer()
        if optimizer is not None:
            made.load_state_dict(optimizer)
        first = self.processes.first
        checkpoint = agreed(find_checkpoint(folder, trainer.notes.about, otherwise=BEGINNING) if first else None)
        with output_errors(folder), of_round(self.objective, self.recipe.by_round, iteration):
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        assert trainer.optimizer is not None
        trained = Trained(len(plan), trainer.state.global_step >= len(plan), trainer.optimizer.state_dict())
        if self.processes.count > 1:
            # What synchronised the gradients of this round holds buffers and hooks, in circles of references.
            del trainer, made
            gc.collect()
        return trained

    def notes_of(self, iteration: int) -> Notes:
        """The notes of the checkpoints within a round: one of another round is not used.

        Args:
            iteration: number of the round, from 0.
        """
        return replace(self.notes, about={**self.notes.about, "round": str(iteration + 1)})

    def _plan(self, examples: Sequence[Example], iteration: int) -> Plan:
        recipe = self.recipe
        return plan_batches(
            [example.size for example in examples],
            batch_size=recipe.batch_size,
            tokens_per_batch=recipe.tokens_per_batch,
            epochs=recipe.epochs,
            max_steps=recipe.max_steps,
            seed=recipe.seed * 1_000_003 + iteration,
            group_by_length=recipe.group_by_length,
        )

    def _trainer(
        self, examples: Sequence[Example], plan: Plan, folder: Path, callbacks: Sequence[TrainerCallback]
    ) -> PreferenceTrainer:
        every = self.recipe.save_every or (-(-len(plan) // 5) if len(plan) > LONG else None)
        # Held-out measurements are taken between rounds, not by the trainer.
        settings = self.recipe.model_copy(update={"eval_every": None, "save_every": every})
        sizes = [example.size for example in examples]
        parts = micro_batches(settings, plan, sizes, self.processes.count, self.objective.scored_twice)
        args = training_arguments(settings, len(plan), folder, parts, self.processes)
        if every is None:
            args.save_strategy = type(args.save_strategy)("no")
        trainer = PreferenceTrainer(
            scorer=self.scorer,
            reference=self.reference,
            objective=self.objective,
            examples=examples,
            plan=plan,
            args=args,
            callbacks=callbacks,
            rates=rates_of(settings),
        )
        # A batch of groups with equal rewards has no gradient; this is not an error in an online run.
        trainer.grad_examined = True
        return trainer
