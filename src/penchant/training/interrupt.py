"""Interruption of a run: a signal finishes the step, saves a checkpoint, and ends the run."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import torch
from transformers import TrainerCallback

__all__ = ["Interrupt", "Interrupted"]


class Interrupted(KeyboardInterrupt):
    """A signal stopped the run, which saved a checkpoint; the message says how to continue."""


class Interrupt(TrainerCallback):
    """Handles SIGINT and SIGTERM: the first ends the run after the current step and a checkpoint, the second at once.

    Use as a context manager around training.
    """

    def __init__(self) -> None:
        self.asked = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        # Python allows signal handlers in the main thread only.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """If interrupted, save a checkpoint and end after this step, on all processes alike."""
        asked = self.asked
        if args.world_size > 1:
            # A signal reaches processes at different times; one that stopped alone would leave the others waiting.
            votes = torch.tensor(float(asked), device=args.device)
            torch.distributed.all_reduce(votes)
            asked = bool(votes > 0)
        if asked:
            self.asked = True
            control.should_save = True
            control.should_training_stop = True
