"""`SealingTrainer`: the base of the trainer of every objective, whose checkpoints are whole, sealed and known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import TrainerState

from penchant.likelihood.adapting.encoder_files import load_encoder, save_encoder
from penchant.likelihood.adapting.virtual import uses_virtual_tokens
from penchant.objectives.core.objective import Objective
from penchant.training.checkpoint_notes import Notes
from penchant.training.checkpoints import OBJECTIVE_FILE, emptied, output_errors, rotate, seal
from penchant.training.devices.divided_trainer import DividedTrainer
from penchant.training.parameters.strategy import PARAMETERS_FILE, Strategy

__all__ = ["SealingTrainer"]


class SealingTrainer(DividedTrainer):
    """Saves and restores the objective, the strategy of weights and the notes beside what transformers' Trainer saves.

    Attributes:
        objective: the loss, whose state is part of a checkpoint.
        notes: what each checkpoint keeps besides the state of the training, and whose it is.
        strategy: which weights move; None for all of them.
        mark: when throughput was last measured; saving does not count.
    """

    objective: Objective
    notes: Notes
    strategy: Strategy | None
    mark: float

    @property
    def saves(self) -> bool:
        """Whether the run saves checkpoints."""
        return self.args.save_total_limit != 0

    def _save_checkpoint(self, model: nn.Module, trial: Any = None) -> None:
        if not self.saves:
            return
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        # `BestKeeper` keeps the best weights. A Trainer that knew of them would look for their checkpoint at the end,
        # and delete the others.
        self.state.best_global_step = self.state.best_model_checkpoint = None
        # Trainer would delete earlier checkpoints before this one is sealed.
        keep, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            with output_errors(folder):
                if self.args.should_save:
                    emptied(folder)
                self.accelerator.wait_for_everyone()
                super()._save_checkpoint(model, trial)
                # The other processes have files of their own in it.
                self.accelerator.wait_for_everyone()
                if self.args.should_save:
                    torch.save(self.objective.state_dict(), folder / OBJECTIVE_FILE)
                    self.notes.write(folder)
                    if self.strategy is not None:
                        torch.save(self.strategy.state(), folder / PARAMETERS_FILE)
                    seal(folder, self.notes.about)
                    rotate(folder.parent, keep or 1, self.state.global_step)
        finally:
            self.args.save_total_limit = keep
        self.accelerator.wait_for_everyone()
        self.mark = time.perf_counter()

    def load_weights(self, folder: Path) -> None:
        """Load the weights of the policy and the state of the objective from a folder that this trainer saved."""
        self._load_from_checkpoint(str(folder))

    def restore(self, checkpoint: Path) -> None:
        """Load weights and log of a checkpoint without training on."""
        self.load_weights(checkpoint)
        self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        if state_dict is None or not uses_virtual_tokens(self.model):
            super()._save(output_dir, state_dict=state_dict)
        if self.args.should_save:
            save_encoder(self.model, folder, state_dict)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if uses_virtual_tokens(self.model) and not self.divided:
            # PEFT would load the tokens that an encoder has written as what the encoder reads.
            load_encoder(self.model, Path(resume_from_checkpoint))
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        state = Path(resume_from_checkpoint) / OBJECTIVE_FILE
        if state.is_file():
            self.objective.load_state_dict(torch.load(state, map_location=self.args.device, weights_only=True))
