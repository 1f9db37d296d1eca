"""`Loadable`: checkpoints without optimizer state are models that can be loaded, with configuration and tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainerCallback

from penchant.modalities import Modality
from penchant.training.checkpoints import seal, unseal

__all__ = ["Loadable"]


class Loadable(TrainerCallback):
    """Adds configuration, generation settings and tokenizer to each checkpoint.

    Args:
        modality: saves them.
        policy: the model in training.
    """

    def __init__(self, modality: Modality, policy: nn.Module) -> None:
        self.modality, self.policy = modality, policy

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Add them to the checkpoint that was just written."""
        if args.should_save:
            checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            unseal(checkpoint)
            self.modality.save_settings(self.policy, checkpoint)
            seal(checkpoint)
