"""Progress bars and advice of transformers, which would stand between the lines of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_transformers"]


@contextmanager
def quiet_transformers(*, downloads: bool = False) -> Iterator[None]:
    """Turn off the bars and the advice of transformers, and put both back as they were.

    Args:
        downloads: leave the bars of downloads on: a model of a hub takes minutes, its loading from the disk seconds.

    Example:
        >>> from transformers.utils import logging
        >>> with quiet_transformers():
        ...     logging.is_progress_bar_enabled()
        False
    """
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging

    shown, level, hub_quiet = logging.is_progress_bar_enabled(), logging.get_verbosity(), are_progress_bars_disabled()

    def hub_as_before() -> None:
        (disable_progress_bars if hub_quiet else enable_progress_bars)()

    logging.disable_progress_bar()  # those of the hub as well
    logging.set_verbosity_error()
    if downloads:
        hub_as_before()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
        hub_as_before()
