"""`ProgressReporter`: stages, progress bars and warnings of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from penchant.terminal import make_console, shown

__all__ = ["ProgressReporter"]

# Seconds between lines without a terminal.
LINE_EVERY = 15.0


class ProgressReporter:
    """Shows the progress of a run.

    Args:
        quiet: print nothing (library use, processes other than the first).
        console: where to print; default: the error stream, so that results stay separate.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.console = console or make_console(stderr=True, quiet=quiet, highlight=False)
        self.quiet = quiet
        #: The warnings of the run so far, for its report.
        self.warned: list[str] = []
        self._bar: Progress | None = None
        self._task: Any = None
        self._last_line = 0.0

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, soft_wrap=True, markup=False)

    def warn(self, text: str) -> None:
        """Print one warning, and keep it."""
        self.warned.append(text)
        self.console.print(f"Warning: {text}", style="yellow", soft_wrap=True, markup=False)

    @contextmanager
    def bar(self, title: str, total: int, done: int = 0) -> Iterator[None]:
        """Show a progress bar that `advance` moves."""
        if self.quiet or not self.console.is_terminal:
            started = time.monotonic()
            self._last_line = started
            yield
            if time.monotonic() - started > LINE_EVERY:
                self.say(f"{title}: done in {time.monotonic() - started:.0f} s")
            return
        named = TextColumn("{task.description}", markup=False)
        columns = (named, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        more = (TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[numbers]}", markup=False))
        with Progress(*columns, *more, console=self.console) as progress:
            name = shown(title, in_one_line=True)
            self._bar, self._task = progress, progress.add_task(name, total=total, completed=done, numbers="")
            try:
                yield
            finally:
                self._bar = None

    def advance(self, done: int, total: int, numbers: str = "") -> None:
        """Update the bar."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, numbers=shown(numbers, in_one_line=True))
        elif not self.quiet and time.monotonic() - self._last_line > LINE_EVERY:
            self._last_line = time.monotonic()
            self.say(f"  {done}/{total} {numbers}")

    def step(self, step: int, split: str, numbers: dict[str, float], total: int) -> None:
        """Show a log of the trainer next to the bar."""
        if split != "train":
            return
        forms = {"loss": "loss {:.4f}", "rewards/accuracy": "accuracy {:.2f}", "tokens_per_second": "{:,.0f} tokens/s"}
        self.advance(step, total, "  ".join(form.format(numbers[key]) for key, form in forms.items() if key in numbers))
