"""`Follower`: measures a model on the sets to forget and to keep before training and during it."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from penchant.evaluation.unlearning.evaluating import Measured, Sets, measure_model
from penchant.evaluation.unlearning.known import knowledge_line, unknown_reason
from penchant.evaluation.unlearning.measuring import Subject

__all__ = ["PATH_FILE", "Follower"]

log = logging.getLogger("penchant")

#: The measurements during training, a JSON object per line.
PATH_FILE = "unlearning.jsonl"
#: Measurements of a run beside the one before it, by default.
POINTS = 6


class Follower(TrainerCallback):
    """Measures before the first step, says what the model knows, and measures again every few steps.

    Args:
        subject_of: the model as it is examined.
        sets: the questions.
        retrained: what a model that never saw the forget set holds, or None.
        folder: of the run.
        every: steps between measurements; default: six in a run.
        say: prints a line.
    """

    def __init__(
        self,
        subject_of: Callable[[Any], Subject],
        sets: Sets,
        retrained: Measured | None,
        folder: Path,
        every: int | None,
        say: Callable[[str], None],
    ) -> None:
        self.subject_of, self.sets, self.retrained = subject_of, sets, retrained
        self.file, self.every, self.say = folder / PATH_FILE, every, say
        #: What the model held before the first step; None in a run that was resumed.
        self.before: Measured | None = None
        #: The figures at each measured step.
        self.path: list[dict[str, float]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the model before the first step, and warn if it does not know what it is to forget."""
        if state.global_step:
            self.path = _kept(self.file, state.global_step)
            return
        self.file.unlink(missing_ok=True)
        subject = self.subject_of(kwargs["model"])
        self.before = self._measure(subject, 0)
        forget, retain = self.before.sets["forget"], self.before.sets.get("retain")
        self.say(knowledge_line(forget, retain))
        reason = unknown_reason(forget, retain, int(subject.model.config.get_text_config().vocab_size))  # type: ignore
        if reason is not None:
            log.warning("The model does not seem to know what it is to forget: %s.", reason)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure every few steps; the model of the last one is measured when the run has ended."""
        every = self.every or max(1, math.ceil(state.max_steps / POINTS))
        if state.global_step % every == 0 and state.global_step < state.max_steps:
            self._measure(self.subject_of(kwargs["model"]), state.global_step)

    def _measure(self, subject: Subject, step: int) -> Measured:
        measured = measure_model(subject, self.sets)
        self.add(measured, step)
        return measured

    def add(self, measured: Measured, step: int) -> None:
        """Add a measurement to the path.

        Args:
            measured: what the model holds.
            step: number of steps that it was trained.
        """
        row = {"step": step, **{each.key: each.value for each in measured.figures(self.retrained)}}
        self.path.append(row)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _kept(file: Path, step: int) -> list[dict[str, float]]:
    """The measurements up to a step, and the file without later ones, which a resumed run repeats."""
    if not file.is_file():
        return []
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # a line that was cut short where the run was stopped
            continue
        if row["step"] <= step:
            kept.append(row)
    file.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return kept
