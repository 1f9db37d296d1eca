"""`Sandbox`: runs programs that nobody has read, several at once."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from penchant.errors import ConfigurationError, PenchantError
from penchant.sandbox.fences import Fence, fences_of, open_sentence, signals_fenced
from penchant.sandbox.inside.pieces import split
from penchant.sandbox.keeping import KeeperEnded, KeeperProcess
from penchant.sandbox.limits import Limits
from penchant.sandbox.result import Result, read_result

__all__ = ["MEANS", "Program", "Sandbox", "SandboxError"]

#: What a sandbox can be asked to do without, to try what holds elsewhere.
MEANS = ("namespaces", "users", "seccomp", "landlock")


#: Some versions of Python, 3.11.7 for one, count the depth of a syntax tree for all threads: one thread at a time.
_PARSING = threading.Lock()


class SandboxError(PenchantError):
    """The sandbox itself does not work here."""


@dataclass(frozen=True)
class Program:
    """A Python program to run.

    Args:
        text: its source; bytes need not be UTF-8.
        stdin: what it reads from standard input.
        tests: Python code that examines it: each top-level ``assert``, ``check(...)`` or ``test_*`` function is a test.
            None to run the program for itself.
    """

    text: str | bytes
    stdin: str | bytes = b""
    tests: str | None = None


class Sandbox:
    """Runs Python programs behind the fences that the kernel gives this user (see `fences`).

    Programs have the standard library, an empty folder, and nothing else. Keepers, one for each job, start with the
    first program and serve all later ones; close the sandbox, or use it in a ``with`` statement, to end them.

    Args:
        limits: of each program.
        jobs: programs at one time; default: the number of cores.
        without: means to do without, of `MEANS`.

    Raises:
        SandboxError: this is not Linux.
        ConfigurationError: ``jobs`` or ``without`` is wrong.

    Example:
        >>> with Sandbox(jobs=1) as sandbox:
        ...     result = sandbox.run("print(6 * 7)")
        >>> result.outcome, result.stdout
        ('passed', '42\\n')
    """

    def __init__(self, limits: Limits | None = None, *, jobs: int | None = None, without: Sequence[str] = ()) -> None:
        if not sys.platform.startswith("linux"):
            raise SandboxError(
                f"Programs are fenced by Linux alone, and this is {sys.platform}.",
                fix="Run this where programs of a model are to be judged in a Linux container or machine.",
            )
        if (jobs is not None and jobs < 1) or not set(without) <= set(MEANS):
            raise ConfigurationError(
                f"jobs={jobs!r}, without={list(without)!r}: expected at least 1 job, and means of {', '.join(MEANS)}."
            )
        self.limits, self.without = limits or Limits(), tuple(without)
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self._idle: list[KeeperProcess] = []
        self._lock = threading.Lock()
        self._means: dict[str, Any] | None = None

    @property
    def fences(self) -> tuple[Fence, ...]:
        """Each fence, and what holds it here.

        Raises:
            SandboxError: no keeper starts.
        """
        return fences_of(self._known_means())

    @property
    def not_fenced(self) -> str:
        """One sentence that says what is not fenced here; empty if everything is."""
        return open_sentence(self._known_means())

    def run(self, program: Program | str | bytes, *, stdin: str | bytes = b"", tests: str | None = None) -> Result:
        """Run one program.

        Args:
            program: a `Program`, or its text.
            stdin: see `Program`; for a text.
            tests: see `Program`; for a text.

        Raises:
            SandboxError: the sandbox does not work here.
            SyntaxError, ValueError: the tests are not Python.
        """
        given = program if isinstance(program, Program) else Program(program, stdin, tests)
        counted = None if given.tests is None else _how_many(given.tests)
        parts = [_as_bytes(given.text), _as_bytes(given.stdin)]
        request: dict[str, Any] = {"limits": self.limits.as_message(), "tests": None}
        request |= {"program": len(parts[0]), "stdin": len(parts[1])}
        if given.tests is not None:
            parts.append(_as_bytes(given.tests))
            request["tests"] = len(parts[2])
        answer = self._ask(request, parts)
        fenced = tuple(fence.name for fence in self.fences if fence)
        return read_result(answer, counted, self.limits.cpu_seconds, fenced)

    def run_many(self, programs: Iterable[Program | str | bytes]) -> list[Result]:
        """Run programs, as many at one time as there are jobs; the results are in the order of the programs."""
        with ThreadPoolExecutor(self.jobs) as threads:
            return list(threads.map(self.run, programs))

    def _ask(self, request: dict[str, Any], parts: Sequence[bytes]) -> dict[str, Any]:
        """The answer of a keeper; a program that brings down its keeper is run once more, by another."""
        said = ""
        for _attempt in range(2):
            keeper = self._take()
            try:
                answer = keeper.run(request, parts)
            except KeeperEnded as error:
                said = str(error)
                keeper.end()
                continue
            except BaseException:
                keeper.end()
                raise
            if answer["whole"]:
                with self._lock:
                    self._idle.append(keeper)
            else:
                keeper.end()
            if "broken" in answer:
                raise SandboxError(f"A program could not be started: {answer['broken'].strip().splitlines()[-1]}.")
            return answer
        return {"why": "killed", "wall": 0.0, "cpu": 0.0, "tests": [], "stdout": "", "stderr": said, "cut": False}

    def _take(self) -> KeeperProcess:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        try:
            keeper = KeeperProcess(self.without)
        except (KeeperEnded, OSError) as error:
            raise SandboxError(f"The sandbox does not start: {error}.", fix="Run: penchant sandbox check") from error
        if not signals_fenced(keeper.means):
            keeper.end()
            raise SandboxError(
                "Programs are not run here: nothing would keep them from ending your other processes.",
                why="The kernel gives neither a namespace of processes, nor seccomp filters, nor a user of their own.",
                fix="Use a container or a kernel that allows one of them; penchant sandbox check shows which.",
            )
        self._means = keeper.means
        return keeper

    def _known_means(self) -> dict[str, Any]:
        if self._means is None:
            keeper = self._take()
            with self._lock:
                self._idle.append(keeper)
        assert self._means is not None
        return self._means

    def left_behind(self) -> int:
        """Processes of programs that still run under the idle keepers; 0 unless a fence fails."""
        with self._lock:
            return sum(keeper.left_behind() for keeper in self._idle)

    def close(self) -> None:
        """End the keepers."""
        with self._lock:
            keepers, self._idle = self._idle, []
        for keeper in keepers:
            keeper.end()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _as_bytes(text: str | bytes) -> bytes:
    """UTF-8; lone surrogates, which models and escapes can make, become what no program can read."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _how_many(tests: str) -> int:
    """The number of tests in some Python code, by one thread at a time."""
    with _PARSING:
        return sum(piece.counts for piece in split(tests))
