"""The best measurement of a run: its standing, keeping its weights, and ending a run that no longer improves."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from penchant.errors import CheckpointError
from penchant.manifest import Fault, fault_of
from penchant.training.checkpoints import OBJECTIVE_FILE, SEAL, emptied, output_errors, seal, sealed
from penchant.training.following.watching import Watch, check_metric
from penchant.training.wording import count_of

if TYPE_CHECKING:
    from penchant.training.trainer import PreferenceTrainer

__all__ = ["BestKeeper", "Standing", "history_of", "standing"]


@dataclass(frozen=True)
class Standing:
    """Where a metric stands after some measurements.

    Args:
        step: of the best measurement.
        value: the metric at that step.
        waited: measurements since the last improvement by more than ``min_delta``.
    """

    step: int
    value: float
    waited: int


def standing(history: Sequence[Mapping[str, Any]], watch: Watch) -> Standing | None:
    """The best measurement so far, and how long there has been no improvement.

    It is computed from the trainer's log alone, which every checkpoint holds, so a resumed run decides alike.

    Args:
        history: rows of the trainer's log; held-out metrics are named ``eval_...``.
        watch: the metric, which values are better, and the smallest improvement that counts.

    Returns:
        None before the first measurement with a finite value.
    """
    best: Standing | None = None
    counted, waited = math.nan, 0
    for row in history:
        value = row.get(f"eval_{watch.metric}")
        if value is None:
            continue
        sign = 1.0 if watch.larger_is_better else -1.0
        gain = sign * (value - counted)
        if math.isfinite(value) and (best is None or gain > watch.min_delta):
            counted, waited = value, 0
        else:
            waited += 1
        if math.isfinite(value) and (best is None or sign * (value - best.value) > 0):
            best = Standing(int(row["step"]), float(value), 0)
    return None if best is None else Standing(best.step, best.value, waited)


def history_of(checkpoint: Path) -> list[dict[str, Any]]:
    """The trainer's log up to a checkpoint; empty where it cannot be read, for a damaged one that is passed over."""
    try:
        return list(json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))["log_history"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


class BestKeeper(TrainerCallback):
    """Follows the metric of a run: keeps the weights of the best measurement, and ends a run that no longer improves.

    The weights lie in ``step-N`` until a checkpoint that knows a better step is complete. Without a metric to follow it
    does nothing.

    Args:
        folder: where the weights go.
        watch: the metric and the patience, or None.
        checkpoints: the run's checkpoints.
    """

    def __init__(self, folder: Path, watch: Watch | None, checkpoints: Path) -> None:
        self.folder, self.watch, self.checkpoints = folder, watch, checkpoints
        self.trainer: PreferenceTrainer | None = None

    def follow(self, trainer: PreferenceTrainer) -> None:
        """Follow a trainer."""
        self.trainer = trainer
        trainer.add_callback(self)

    def check(self, measured: Mapping[str, float], *, few: bool = False) -> None:
        """Refuse a metric that the held-out measurement does not have.

        Args:
            measured: the held-out metrics before training.
            few: they are those of a few examples, which may lack a metric that others have, such as one of a label.

        Raises:
            ConfigurationError: there is no such metric; the message names the nearest.
        """
        if self.watch is not None:
            followed = {name: value for name, value in measured.items() if not name.startswith("samples/")}
            check_metric(self.watch, followed, few=few)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The last step is measured too."""
        if self.watch is not None and state.global_step >= state.max_steps:
            control.should_evaluate = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keep the weights of a new best measurement; end the run if there was none for too long."""
        found = self._standing(state.log_history)
        if found is None or self.watch is None:
            return
        if self.watch.keep and found.step == state.global_step:
            self._keep(found.step)
        if self.watch.over(found):
            control.should_training_stop = control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Delete weights that neither the run nor any of its checkpoints needs."""
        if args.should_save:
            self._prune(state.log_history)

    def _standing(self, history: Sequence[Mapping[str, Any]]) -> Standing | None:
        return None if self.watch is None else standing(history, self.watch)

    def best(self) -> Standing | None:
        """The best measurement, if the run keeps its weights."""
        if self.trainer is None or self.watch is None or not self.watch.keep:
            return None
        return self._standing(self.trainer.state.log_history)

    def ended_early(self, checkpoint: Path | None) -> bool:
        """Whether the patience was over at a checkpoint."""
        if checkpoint is None or self.watch is None:
            return False
        return self.watch.over(self._standing(history_of(checkpoint)))

    def facts(self, planned: int) -> dict[str, Any]:
        """For the summary: steps done, why the run ended before its plan, and the step whose weights are kept.

        Args:
            planned: steps of the plan.
        """
        assert self.trainer is not None
        step, found = self.trainer.state.global_step, self._standing(self.trainer.state.log_history)
        facts: dict[str, Any] = {"steps": step}
        if step < planned:
            over = self.watch is not None and self.watch.over(found)
            waited = f"{self._metric} has not improved for {count_of(found.waited if found else 0, 'measurement')}"
            facts |= {"planned_steps": planned, "ended": waited if over else "a callback ended the run"}
        if (kept := self.best()) is not None:
            facts["kept"] = {"step": kept.step, "metric": self._metric, "value": kept.value}
        return facts

    @property
    def _metric(self) -> str:
        return "" if self.watch is None else self.watch.metric

    def _keep(self, step: int) -> None:
        trainer = self.trainer
        assert trainer is not None
        target = self.folder / f"step-{step}"
        with output_errors(target):
            if trainer.args.should_save:
                emptied(target)
                target.mkdir(parents=True)
            trainer.accelerator.wait_for_everyone()
            trainer.save_model(str(target), _internal_call=True)
            if trainer.args.should_save:
                torch.save(trainer.objective.state_dict(), target / OBJECTIVE_FILE)
                seal(target, trainer.notes.about)
                if not trainer.saves:
                    self._prune(trainer.state.log_history)
        trainer.accelerator.wait_for_everyone()
        trainer.mark = time.perf_counter()

    def _prune(self, history: Sequence[Mapping[str, Any]]) -> None:
        kept = sorted(self.folder.glob("step-*[0-9]"))
        if len(kept) < 2:  # so that the logs of the checkpoints are read only where something may be deleted
            return
        logs = [history, *(history_of(each) for each in self.checkpoints.glob("checkpoint-*[0-9]") if sealed(each))]
        wanted = {f"step-{found.step}" for log in logs if (found := self._standing(log)) is not None}
        for each in kept:
            if each.name not in wanted:
                shutil.rmtree(each, ignore_errors=True)

    def lacks(self, checkpoint: Path) -> Fault:
        """What is wrong with the best weights that a run needs which continues from a checkpoint; None if nothing is.

        Args:
            checkpoint: a sound one.
        """
        found = self._standing(history_of(checkpoint))
        if found is None or self.watch is None or not self.watch.keep:
            return None
        fault = self._fault(found.step)
        return None if fault is None else f"the weights of its best step, {found.step}, cannot be used: {fault}"

    def _fault(self, step: int) -> Fault:
        return fault_of(self.folder / f"step-{step}" / SEAL, self._about)

    @property
    def _about(self) -> Mapping[str, str]:
        return {} if self.trainer is None else self.trainer.notes.about

    def restore(self) -> int | None:
        """Load the weights of the best step into the policy, and the state of its objective.

        Returns:
            The step, or None if the run ends with its last weights.

        Raises:
            CheckpointError: they are not there.
        """
        trainer, found = self.trainer, self.best()
        if trainer is None or found is None or found.step == trainer.state.global_step:
            return None
        step, target = found.step, self.folder / f"step-{found.step}"
        if (fault := self._fault(step)) is not None:
            raise CheckpointError(
                f"The weights of the best step, {step}, are missing or incomplete ({fault}).",
                where=str(target),
                fix="Start again with --overwrite, or continue with keep=last.",
            )
        trainer.load_weights(target)
        return step
