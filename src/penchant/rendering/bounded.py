"""Rendering of chat templates with a limit of time and memory: a template is a program that came with a model."""

from __future__ import annotations

import re
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["bounded", "refuse_large_numbers"]

#: Seconds of the processor and bytes of memory that the rendering of one conversation may take.
SECONDS, BYTES = 10.0, 2**31
#: The largest number that a template may multiply by, or pass on: ``'x' * 10000000000`` is one step that no timer ends.
LARGEST = 1_000_000
_LOOKED_AT_EVERY = 0.1
# Tags of transformers that mark the assistant's tokens; the parser of Jinja alone does not know them.
_MARKS = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")
_ADVICE = "Use another template: chat_template=plain or chatml (--chat-template plain), or correct the Jinja file."


@contextmanager
def bounded() -> Iterator[None]:
    """End a rendering that takes too long or too much memory.

    The limit holds in the main thread, of systems that have timers of the processor; elsewhere nothing is limited.

    Raises:
        ConfigurationError: the limit is exceeded.
    """
    timers = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not timers or signal.getitimer(signal.ITIMER_VIRTUAL)[0]:
        yield
        return
    looks, before = 0, 0

    def look(_signal: int, _frame: FrameType | None) -> None:
        nonlocal looks, before
        looks, before = looks + 1, before or _memory()
        if looks * _LOOKED_AT_EVERY >= SECONDS:
            raise ConfigurationError(
                f"The chat template takes more than {SECONDS:g} seconds for one conversation.",
                where="chat_template",
                fix=_ADVICE,
            )
        if _memory() - before > BYTES:
            raise ConfigurationError(
                f"The chat template takes more than {BYTES / 2**30:g} GiB of memory for one conversation.",
                where="chat_template",
                fix=_ADVICE,
            )

    former = signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, _LOOKED_AT_EVERY, _LOOKED_AT_EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def _memory() -> int:
    """Bytes of this process in memory; the most so far where the system does not say how many there are now."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def refuse_large_numbers(template: str) -> None:
    """Refuse a template that multiplies by a large number, raises to a power, or passes a large number to a filter.

    Args:
        template: Jinja text; what is no Jinja is left to the rendering.

    Raises:
        ConfigurationError: it does.

    Example:
        >>> refuse_large_numbers("{{ messages[0].content }}{{ ' ' * 4 }}")
        >>> refuse_large_numbers("{{ 'x' * 10000000000 }}")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: chat_template: ...
    """
    import jinja2
    from jinja2 import nodes

    try:
        tree = jinja2.Environment(extensions=["jinja2.ext.loopcontrols"]).parse(_MARKS.sub("", template))
        found = next(tree.find_all(nodes.Pow), None) or next(
            (each for each in tree.find_all((nodes.Mul, nodes.Filter, nodes.Call)) if _has_large_number(each)), None
        )
    except (jinja2.TemplateSyntaxError, RecursionError, ValueError):
        return
    if found is not None:
        raise ConfigurationError(
            f"The chat template computes with numbers above {LARGEST:,} in line {found.lineno}.",
            where="chat_template",
            why="A text of that length fills the memory.",
            fix=_ADVICE,
        )


def _has_large_number(node: Any) -> bool:
    from jinja2 import nodes

    return any(isinstance(each.value, int | float) and abs(each.value) > LARGEST for each in node.find_all(nodes.Const))
