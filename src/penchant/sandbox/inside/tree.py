"""Processes below this one: what they use, and their end. Read from ``/proc``, which programs cannot see."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass

__all__ = ["Tree", "Usage", "reaped"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Seconds after which a process that does not die, as one in the middle of a device's call, is left alone.
_LONGEST_END = 5.0


@dataclass
class Usage:
    """What a group of processes uses: CPU seconds, bytes of memory, and threads of all processes together."""

    cpu: float = 0.0
    memory: int = 0
    threads: int = 0


class Tree:
    """The descendants of this process.

    Args:
        folder: file descriptor of ``/proc``, which stays readable when the root is another.
    """

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def own(self) -> int:
        """The number of this process as ``/proc`` has it."""
        return int(os.readlink("self", dir_fd=self._folder))

    def below(self) -> list[int]:
        """All descendants, by the numbers of ``/proc``."""
        found: list[int] = []
        waiting = [self.own()]
        while waiting:
            process = waiting.pop()
            children = self._children(process)
            found += children
            waiting += children
        return found

    def usage(self) -> Usage:
        """What all descendants use now; memory that they share counts for each."""
        total = Usage()
        for process in self.below():
            fields = self._read(f"{process}/stat").rpartition(")")[2].split()
            if len(fields) > 21:
                total.cpu += sum(map(int, fields[11:15])) / _TICKS
                total.threads += int(fields[17])
                total.memory += int(fields[21]) * _PAGE
        return total

    def end(self) -> float:
        """Kill and reap all descendants, those that start meanwhile too; give the CPU seconds of those reaped.

        Only for a process that orphans come back to, and whose numbers are those of ``/proc``.
        """
        spent = 0.0
        deadline = time.monotonic() + _LONGEST_END
        # The kernel's list of children may lack some while others end; that there are none is what `wait` says.
        while time.monotonic() < deadline:
            for each in (signal.SIGSTOP, signal.SIGKILL):
                for process in self.below():
                    _send(process, each)
            used, all_gone = _reaped()
            spent += used
            if all_gone:
                break
            time.sleep(0.001)
        return spent

    def _children(self, process: int) -> list[int]:
        try:
            threads = self._threads(process)
        except OSError:
            return []
        return [int(child) for thread in threads for child in self._read(f"{process}/task/{thread}/children").split()]

    def _threads(self, process: int) -> list[str]:
        folder = os.open(f"{process}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._folder)
        try:
            return os.listdir(folder)
        finally:
            os.close(folder)

    def _read(self, path: str) -> str:
        try:
            descriptor = os.open(path, os.O_RDONLY, dir_fd=self._folder)
        except OSError:
            return ""
        try:
            return os.read(descriptor, 2**16).decode(errors="replace")
        except OSError:
            return ""
        finally:
            os.close(descriptor)


def reaped() -> float:
    """Reap every child that has ended; the CPU seconds that they used."""
    return _reaped()[0]


def _reaped() -> tuple[float, bool]:
    """The CPU seconds of the children that have ended, and whether there are no others."""
    spent = 0.0
    while True:
        try:
            process, _status, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return spent, True
        if not process:
            return spent, False
        spent += used.ru_utime + used.ru_stime


def _send(process: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(process, number)
