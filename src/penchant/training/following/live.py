"""`LiveReport`: ``report.html`` while a run goes on, written anew at every measurement."""

from __future__ import annotations

import logging
from typing import Any

from transformers import TrainerCallback

from penchant.errors import OutputError
from penchant.training.folder import RunFolder

__all__ = ["PROGRESS", "LiveReport"]

#: What is known of an unfinished run; the report reads it until there is a summary.
PROGRESS = "progress.json"

log = logging.getLogger("penchant")


class LiveReport(TrainerCallback):
    """Rewrites the report at every held-out measurement, marked as in progress; a browser reloads it by itself.

    Args:
        folder: the run's folder; None writes nothing (processes other than the first).
        steps: length of the run.
        facts: what the summary will hold and is known already.
    """

    def __init__(self, folder: RunFolder | None, steps: int, facts: dict[str, Any]) -> None:
        self.folder, self.steps, self.facts = folder, steps, facts
        self.step, self.failed = 0, False

    def begin(self, step: int, before: dict[str, float]) -> None:
        """Write the report with the measurement before training."""
        self.facts["before"] = before
        self._write(step, "running")

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """Write the report with the newest measurement."""
        self.facts["after"] = {name.removeprefix("eval_"): value for name, value in (metrics or {}).items()}
        self._write(state.global_step, "running")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remember the step, for the report of a run that stops."""
        self.step = state.global_step

    def stopped(self) -> None:
        """Mark the run as stopped; the page does not reload any more."""
        if self.folder is not None and (self.folder.path / PROGRESS).is_file():
            self._write(self.step, "stopped")

    def done(self) -> None:
        """Remove what only an unfinished run needs."""
        if self.folder is not None:
            (self.folder.path / PROGRESS).unlink(missing_ok=True)

    def _write(self, step: int, state: str) -> None:
        if self.folder is None:
            return
        from penchant.evaluation.report import write_report  # imported late: it loads matplotlib

        self.step = step
        self.folder.write_json(PROGRESS, {"state": state, "step": step, "steps": self.steps, "summary": self.facts})
        try:
            write_report(self.folder.path)
        except OutputError:
            raise
        except Exception as error:
            # A page that cannot be drawn in between is no reason to lose the run.
            if not self.failed:
                log.warning("The report could not be rewritten (%s: %s).", type(error).__name__, error)
            self.failed = True
