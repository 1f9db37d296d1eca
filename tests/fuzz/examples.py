"""Running one command line in this process: what it said, and what of it is a finding."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from .command_lines import command_line

__all__ = ["Outcome", "example", "run"]

#: Seconds of the processor, seconds by the clock (for what waits), and bytes that one example may take.
CPU_SECONDS, WALL_SECONDS, BYTES = 30.0, 180.0, 2 * 2**30

_SAME_NAME = re.compile(r"no [\w -]+ '([^']+)'\. Did you mean '([^']+)'\?")


class TooLong(BaseException):
    """The example takes longer than its limit."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command line.

    Args:
        words: what followed ``penchant``.
        code: exit code, None if the command did not end by itself.
        said: its last line on the error stream.
        finding: what is wrong with it; empty if nothing is.
    """

    words: tuple[str, ...]
    code: int | None
    said: str
    finding: str = ""


def _out_of_time(*_: Any) -> None:
    raise TooLong


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Interrupt what runs when its time is over."""
    kept = {each: signal.signal(each, _out_of_time) for each in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each, handler in kept.items():
            signal.signal(each, handler)


def _memory(name: str) -> int:
    """Bytes of this process: ``VmRSS`` now, or ``VmHWM`` since its reset; 0 where the system does not say."""
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def run(words: list[str]) -> Outcome:
    """Run a command line as ``penchant`` does, in the current folder.

    Args:
        words: what follows ``penchant``.
    """
    from penchant.cli.app import main

    # Streams that encode, as a terminal's do: half a character cannot be printed.
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    escaped, code = "", None
    _reset_peak()
    before = _memory("VmRSS")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _limited():
            code = main(words)
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 1
    except TooLong:
        escaped = (
            f"more than {CPU_SECONDS:g} s of the processor: {traceback.format_exc().strip().splitlines()[-3].strip()}"
        )
    except BaseException as error:
        escaped = f"{type(error).__name__} escapes: {error}"
    grown = _memory("VmHWM") - before
    said = _written(err)
    last = (said.strip().splitlines() or [""])[-1]
    return Outcome(tuple(words), code, last, escaped or _finding(said, code, grown))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8", "replace")


def _finding(said: str, code: int | None, grown: int) -> str:
    if "error: unexpected" in said:
        return said[said.index("unexpected") :].split("This is a bug")[0].strip()
    if "Traceback (most recent call last)" in said:
        return "a traceback"
    if code not in (0, 1):
        return f"exit code {code}"
    if grown > BYTES:
        return f"{grown / 2**30:.1f} GiB of memory"
    same = next((each for each in _SAME_NAME.findall(said) if each[0] == each[1]), None)
    return f"the same name is proposed: {same[0]}" if same else ""


def example(random: Random, model: Path, command: str | None = None) -> Outcome:
    """Write random input into a new folder, and run a random command on it there.

    Args:
        random: where every choice comes from.
        model: folder of a small model.
        command: the command's name; default: one at random.
    """
    folder, before = Path(tempfile.mkdtemp(prefix="fuzz")), Path.cwd()
    path = list(sys.path)
    try:
        os.chdir(folder)
        return run(command_line(folder, model, random, command))
    finally:
        os.chdir(before)
        sys.path[:] = path
        shutil.rmtree(folder, ignore_errors=True)
