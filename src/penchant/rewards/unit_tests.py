"""`UnitTests`, a judge that runs the program in a response against the tests of its record, in the sandbox."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Gt

from penchant.errors import DataError
from penchant.feedback.records import Record, Text
from penchant.rewards.code_blocks import code_in
from penchant.rewards.judge import Judge
from penchant.sandbox import Limits, Program, Result, Sandbox
from penchant.sandbox.inside.pieces import split

__all__ = ["UnitTests"]

_MIB = 2**20


class UnitTests(Judge):
    """The share of a record's tests that the program in the response passes.

    The program is the last fenced block of Python, or the whole response. It runs in the sandbox; the tests run in
    another process, and compare there what the program's functions return, so that neither tests nor expected values
    are in the program's memory. A test is a top-level ``assert``, a call of ``check(...)``, or a function ``test_*``.

    Args:
        tests: (prompt, tests) pairs; `read` adds those of records. Tests are Python code, or a list of pieces of it.

    Example:
        >>> judge = UnitTests([("Write double(x).", ["assert double(2) == 4", "assert double('a') == 'aa'"])], jobs=1)
        >>> judge.score("Write double(x).", ["def double(x): return 2 * x", "def double(x): return 4", "exit()"])
        [1.0, 0.5, 0.0]
    """

    id = "unit_tests"
    formula = "the share of the record's tests that the program passes, or 1 for all of them"
    span = "0 to 1, higher is better"
    advice = "Tests that are too few are passed by programs that are wrong."

    partial: Annotated[bool, "score the share of passed tests; if false, 1 only if all pass"] = True
    seconds: Annotated[float, Gt(0), "wall time and CPU time of one response, in seconds"] = 10.0
    memory: Annotated[int, Ge(65), "memory of one response, in MiB"] = 512
    jobs: Annotated[int, Ge(0), "responses that run at one time; 0 for the number of cores"] = 0

    def __init__(self, tests: Iterable[tuple[Text, str | Sequence[str]]] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self.verifies = not self.partial
        self._tests: dict[str, str] = {}
        self._sandbox: Sandbox | None = None
        for prompt, given in tests:
            self._add(prompt, given, "tests")

    def read(self, records: Iterable[Record]) -> None:
        """Read each prompt's tests from its record's field ``tests``.

        Raises:
            DataError: a record has none, they are not Python, or two records give one prompt different tests.
            SandboxError: programs cannot be run here.
        """
        for record in records:
            self._add(record.prompt, record.fields.get("tests"), str(record.source))
        open_here = self.sandbox.not_fenced  # starts the sandbox, so that an error comes before the run
        if open_here:
            logging.getLogger("penchant").warning("Programs run in the sandbox. %s", open_here)

    @property
    def sandbox(self) -> Sandbox:
        """Where the programs run; its keepers start with the first one, and end with this process."""
        if self._sandbox is None:
            limits = Limits(seconds=self.seconds, cpu_seconds=self.seconds, memory=self.memory * _MIB)
            self._sandbox = Sandbox(limits, jobs=self.jobs or None)
        return self._sandbox

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The share of passed tests of each response; with ``partial=False``, 1 or 0.

        Raises:
            DataError: there are no tests for this prompt.
            SandboxError: programs cannot be run here.
        """
        return [result.share if self.partial else float(result.passed) for result in self.results(prompt, responses)]

    def results(self, prompt: Text, responses: Sequence[str]) -> list[Result]:
        """How each response ended, with the result of each test.

        Raises:
            DataError: there are no tests for this prompt.
            SandboxError: programs cannot be run here.
        """
        tests = self._tests.get(repr(prompt))
        if tests is None:
            raise DataError(f"There are no tests for the prompt {str(prompt)[:80]!r}.", where="judge")
        return self.sandbox.run_many(Program(code_in(response), tests=tests) for response in responses)

    def _add(self, prompt: Text, given: Any, where: str) -> None:
        tests = _as_code(given, where)
        if self._tests.setdefault(repr(prompt), tests) != tests:
            raise DataError(
                "This prompt has other tests in an earlier record.", where=where, fix="Keep the right ones."
            )


def _as_code(given: Any, where: str) -> str:
    """Tests as one piece of Python code."""
    pieces = [given] if isinstance(given, str) else given
    if not isinstance(pieces, list | tuple) or not all(isinstance(each, str) for each in pieces):
        raise DataError(
            f"The field 'tests' is {str(given)[:80]!r}, so programs cannot be judged."
            if given is not None
            else "The record has no field 'tests', so programs cannot be judged.",
            where=where,
            fix="Give Python code or a list of assert statements, or map a column to it with --map tests=COLUMN.",
        )
    code = "\n".join(pieces)
    try:
        parsed = split(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise DataError(f"The field 'tests' is not Python: {reason}: {code[:80]!r}.", where=where) from error
    if not parsed:
        raise DataError("The field 'tests' is empty.", where=where, fix="Give at least one assert statement.")
    return code
