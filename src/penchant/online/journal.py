"""`Journal`: metrics file, measurements and progress of an online run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.online.measuring import Measured
from penchant.online.state import State
from penchant.terminal import counted
from penchant.training.progress import ProgressReporter
from penchant.training.recorder import Recorder

__all__ = ["Journal"]


class Journal:
    """Writes ``metrics.jsonl``, with steps counted over all rounds, and shows progress.

    Args:
        path: the metrics file; None on all processes but the first.
        reporter: shows progress.
        rounds: number of rounds of the run.
        held_out: whether the prompts that are measured on are apart from those that are trained on.
    """

    def __init__(self, path: Path | None, reporter: ProgressReporter, rounds: int, held_out: bool = True) -> None:
        self.reporter, self.total, self.done = reporter, rounds, 0
        self.prompts = "held-out prompts" if held_out else "prompts that are trained on"
        self.recorder = Recorder(path, lambda step: float(self.done), (self._say,))

    def begin(self, done: int) -> None:
        """Start the clock; ``done`` rounds are already complete."""
        self.done, self.recorder.began = done, time.perf_counter()

    def rewind(self, step: int, known: Sequence[Mapping[str, Any]] = ()) -> None:
        """Remove the rows after ``step``, which are written again; all rows if it is negative.

        Args:
            step: the last step whose rows stay.
            known: rows as the state has them; those that the file lacks are restored.
        """
        self.recorder.rewind(step, known)

    def has_measured(self, step: int) -> bool:
        """Whether the file has a measurement after ``step`` steps."""
        return (step, "eval") in self.recorder.written

    def measured(self, step: int, found: Measured) -> None:
        """Record a measurement after ``step`` steps, unless the file already has it."""
        self.recorder.write_once(step, "eval", found.numbers)

    def sampled(self, step: int, numbers: Mapping[str, float]) -> None:
        """Record the samples of a round without training."""
        self.recorder.write_once(step, "train", dict(numbers))

    def training(self, before: int, sampled: Mapping[str, float]) -> Recorder:
        """A trainer callback that records its logs.

        Args:
            before: steps of earlier rounds.
            sampled: metrics of the round's samples, written with its first step.
        """

        def forward(step: int, split: str, numbers: dict[str, float]) -> None:
            self.recorder.write(before + step, split, {**numbers, **(sampled if step == 1 else {})})

        return Recorder(None, lambda step: 0.0, (forward,))

    def advance(self, state: State) -> None:
        """Show that a round is complete."""
        after = state.after
        numbers = "" if after is None else f"{after.name} {after.value:.3f}"
        self.reporter.advance(state.done, self.total, numbers)

    def _say(self, step: int, split: str, numbers: Mapping[str, float]) -> None:
        """Print every measurement as a line, which also works without a terminal."""
        for name in ("accuracy", "reward"):
            if split == "eval" and name in numbers:
                low, high = numbers[f"{name}/low"], numbers[f"{name}/high"]
                figure = f"{name} {numbers[name]:.3f} [{low:.3f}, {high:.3f}] on {self.prompts}"
                self.reporter.say(f"After {counted(self.done, 'round')} ({counted(step, 'step')}): {figure}")
