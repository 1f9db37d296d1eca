"""`Recorder`: the log of a run in ``metrics.jsonl``, one line per step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

__all__ = ["Recorder"]

Listener = Callable[[int, str, dict[str, float]], None]


class Recorder(TrainerCallback):
    """Appends one line of JSON per log to ``metrics.jsonl`` and passes it to listeners.

    Args:
        path: the file, or None to write nothing (processes other than the first).
        epoch_of: converts optimizer steps done to passes over the data.
        listeners: called with step, split and numbers of every log.
    """

    def __init__(
        self, path: Path | None, epoch_of: Callable[[int], float], listeners: tuple[Listener, ...] = ()
    ) -> None:
        self.path, self.epoch_of, self.listeners = path, epoch_of, listeners
        self.began, self.before = time.perf_counter(), 0.0
        self.written: set[tuple[int, str]] = set()

    def rewind(self, step: int) -> None:
        """Remove lines after ``step``, which a resumed run writes again."""
        if self.path is None or not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # the incomplete line of a killed run
            if row["step"] <= step:
                kept.append(line)
                self.written.add((row["step"], row["split"]))
                self.before = max(self.before, float(row.get("seconds", 0.0)))
        self.path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Record a log of the trainer, from a step or an evaluation."""
        if not logs or "train_runtime" in logs:
            return
        evaluated = any(key.startswith("eval_") for key in logs)
        numbers = {
            key.removeprefix("eval_"): float(value)
            for key, value in logs.items()
            if isinstance(value, int | float) and key not in ("epoch", "total_flos")
        }
        self.write(state.global_step, "eval" if evaluated else "train", numbers)

    def write_once(self, step: int, split: str, numbers: dict[str, float]) -> None:
        """Write one line unless this step already has one."""
        if (step, split) not in self.written:
            self.write(step, split, numbers)

    def write(self, step: int, split: str, numbers: dict[str, float]) -> None:
        """Write one line."""
        self.written.add((step, split))
        for listener in self.listeners:
            listener(step, split, numbers)
        if self.path is None:
            return
        seconds = self.before + time.perf_counter() - self.began
        row = {"step": step, "split": split, "epoch": self.epoch_of(step), "seconds": seconds, **numbers}
        # JSON has no NaN; parsers in other languages refuse it.
        sound = {key: value for key, value in row.items() if not isinstance(value, float) or math.isfinite(value)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(sound) + "\n")
