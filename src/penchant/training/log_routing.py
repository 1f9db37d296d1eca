"""Log routing during a run: this package's warnings are shown, each once."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from penchant.training.progress import ProgressReporter

__all__ = ["warnings_to"]

#: Remarks of PEFT, at every checkpoint, on an adapter of embeddings that are tied. They ask for what is done here: the
#: layers are untied before they are merged, and the saved model scores what the run reports.
TIED = r".*(`save_embedding_layers`|`?tie_word_embeddings=True)"


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
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=TIED, category=UserWarning)
            yield reporter.warned
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
