"""Log routing during a run: this package's warnings are shown, each once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from penchant.training.progress import ProgressReporter

__all__ = ["warnings_to"]


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
