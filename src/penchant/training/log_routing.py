"""Log routing during a run: this package's warnings are shown, progress bars of other libraries are not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from penchant.training.progress import ProgressReporter

__all__ = ["own_bars_only", "warnings_to"]


@contextmanager
def warnings_to(reporter: ProgressReporter) -> Iterator[list[str]]:
    """Show each warning of the package once, and collect them and the reporter's own for the report."""
    reporter.warned = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in reporter.warned:
                reporter.warn(text)

    logger, handler = logging.getLogger("penchant"), Handler(logging.WARNING)
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield reporter.warned
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


@contextmanager
def own_bars_only() -> Iterator[None]:
    """Turn off progress bars and advice of transformers, which would break this package's progress bar."""
    from transformers.utils import logging as theirs

    shown, level = theirs.is_progress_bar_enabled(), theirs.get_verbosity()
    theirs.disable_progress_bar()
    theirs.set_verbosity_error()
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        if shown:
            theirs.enable_progress_bar()
