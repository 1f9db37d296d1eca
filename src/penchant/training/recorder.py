"""`Recorder`: the log of a run in ``metrics.jsonl``, one line per step."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

__all__ = ["Recorder", "rows_of"]

log = logging.getLogger("penchant")

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

    def rewind(self, step: int, known: Sequence[Mapping[str, Any]] = ()) -> None:
        """Remove lines after ``step``, which a resumed run writes again, and restore those that are lost or damaged.

        Args:
            step: the last step whose lines stay; all are removed if it is negative.
            known: the rows as the checkpoint has them, with ``step`` and ``split``; rows after the last of them stay as
                they are.
        """
        if self.path is None:
            return
        found = self._found(step)
        kept = self._restored(found, known)
        after = known[-1]["step"] if known else -1
        kept += [row for (at, _split), row in found.items() if at >= after]
        for row in kept:
            self.written.add((row["step"], row["split"]))
            self.before = max(self.before, _seconds(row))
        if kept or self.path.is_file():
            draft = self.path.with_name(f".{self.path.name}.part")
            draft.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
            draft.replace(self.path)

    def _restored(
        self, found: dict[tuple[int, str], dict[str, Any]], known: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """The known rows, taken out of those that were found where these are the same."""
        rows: list[dict[str, Any]] = []
        restored, seconds = 0, 0.0
        for row in known:
            there = found.pop((row["step"], row["split"]), None)
            seconds = max(seconds, _seconds(there or row))
            place = {"step": row["step"], "split": row["split"], "epoch": self.epoch_of(row["step"])}
            # The checkpoint may know the numbers alone; then the times are those of the file.
            whole = place | {"seconds": seconds} | _finite(row)
            if there is not None and {**whole, "seconds": 0} == {**there, "seconds": 0}:
                whole = there
            else:
                restored += 1
            rows.append(whole)
        if restored:
            assert self.path is not None
            log.warning(
                "%d lines of %s were missing or damaged; they are restored from the checkpoint.",
                restored,
                self.path.name,
            )
        return rows

    def _found(self, step: int) -> dict[tuple[int, str], dict[str, Any]]:
        """The readable rows of the file up to a step, each once."""
        if self.path is None or not self.path.is_file():
            return {}
        found: dict[tuple[int, str], dict[str, Any]] = {}
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                place = (int(row["step"]), str(row["split"]))
            except (ValueError, KeyError, TypeError):
                continue  # the incomplete line of a killed run, or a damaged one
            if place[0] <= step:
                found.setdefault(place, row)
        return found

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Record a log of the trainer, from a step or an evaluation."""
        if not logs or "train_runtime" in logs:
            return
        split, numbers = _numbers(logs)
        self.write(state.global_step, split, numbers)

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
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_finite(row)) + "\n")


def rows_of(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of ``metrics.jsonl`` in the log of transformers' Trainer, without epochs and times.

    Args:
        history: its ``log_history``.
    """
    rows = []
    for logs in history:
        if "train_runtime" not in logs:
            split, numbers = _numbers({key: value for key, value in logs.items() if key != "step"})
            rows.append({"step": logs["step"], "split": split, **numbers})
    return rows


def _numbers(logs: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """The split and the numbers of a log of the trainer."""
    evaluated = any(key.startswith("eval_") for key in logs)
    numbers = {
        key.removeprefix("eval_"): float(value)
        for key, value in logs.items()
        if isinstance(value, int | float) and key not in ("epoch", "total_flos")
    }
    return "eval" if evaluated else "train", numbers


def _finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without NaN and infinities: JSON has none, and parsers in other languages refuse them."""
    return {key: value for key, value in row.items() if not isinstance(value, float) or math.isfinite(value)}


def _seconds(row: Mapping[str, Any]) -> float:
    value = row.get("seconds", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0
