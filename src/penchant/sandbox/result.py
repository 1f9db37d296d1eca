"""`Result`: how a program ended, and what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Outcome", "Result", "TestResult"]

Outcome = Literal["passed", "failed", "timeout", "memory", "processes", "output", "killed", "broken"]


@dataclass(frozen=True)
class TestResult:
    """One test of a program.

    Args:
        passed: whether it held.
        message: what was wrong; empty for a test that passed.
    """

    __test__ = False

    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Result:
    """How one program ended.

    Args:
        outcome: ``passed``: exit code 0, and every test passed. ``failed``: another exit code, or a test failed.
            ``timeout``, ``memory``, ``processes``, ``output``: ended at that limit. ``killed``: ended by a signal, its
            own or the kernel's. ``broken``: the sandbox could not run it.
        code: exit code; None if it was ended by a signal or at a limit.
        signal: number of the signal that ended it, or None.
        stdout: what it wrote, decoded as UTF-8; bytes that are not become U+FFFD.
        stderr: the same of its errors.
        undecodable: whether there were such bytes.
        cut: whether it wrote more than is kept.
        wall: seconds from start to end.
        cpu: CPU seconds of the program and of all the processes that it started.
        tests: result of each test; empty without tests. Tests after a limit is reached count as failed.
        fenced: names of the fences that it ran behind.
    """

    outcome: Outcome
    code: int | None
    signal: int | None
    stdout: str
    stderr: str
    undecodable: bool
    cut: bool
    wall: float
    cpu: float
    tests: tuple[TestResult, ...] = ()
    fenced: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the program ended well and all its tests passed."""
        return self.outcome == "passed"

    @property
    def share(self) -> float:
        """Share of the tests that passed; without tests, 1 if the program passed and 0 if not."""
        if not self.tests:
            return float(self.passed)
        return sum(test.passed for test in self.tests) / len(self.tests)


def read_result(answer: dict[str, Any], tests: int | None, cpu_limit: float, fenced: tuple[str, ...]) -> Result:
    """The result that a keeper's answer says.

    Args:
        answer: of the keeper.
        tests: number of tests; None for a program without.
        cpu_limit: CPU seconds that the program had.
        fenced: names of the fences.
    """
    output, errors = (answer[name].encode("latin-1") for name in ("stdout", "stderr"))
    texts = [each.decode("utf-8", "replace") for each in (output, errors)]
    end = answer.get("end")
    found = [TestResult(bool(passed), str(message)) for passed, message in answer["tests"]]
    outcome = _outcome(answer, end, cpu_limit)
    missing = (tests or 0) - len(found)
    if tests is not None:
        found += [TestResult(False, f"not reached: {outcome}") for _test in range(missing)]
        held = not answer["why"] and not answer["cut"] and bool(found) and all(test.passed for test in found)
        outcome = "passed" if held else "failed" if outcome == "passed" else outcome
    code = end if isinstance(end, int) and end >= 0 and outcome in ("passed", "failed") else None
    return Result(
        outcome=outcome,
        code=code,
        signal=-end if isinstance(end, int) and end < 0 else None,
        stdout=texts[0],
        stderr=texts[1],
        undecodable=any(text.encode("utf-8") != raw for text, raw in zip(texts, (output, errors), strict=True)),
        cut=answer["cut"],
        wall=answer["wall"],
        cpu=answer["cpu"],
        tests=tuple(found[: tests or 0]),
        fenced=fenced,
    )


def _outcome(answer: dict[str, Any], end: Any, cpu_limit: float) -> Outcome:
    if answer["why"]:
        return answer["why"] if answer["why"] != "abandoned" else "broken"
    if answer["cut"]:
        return "output"
    if answer.get("broken"):
        return "broken"
    if end is None or end < 0:
        return "timeout" if answer["cpu"] >= cpu_limit - 0.25 else "killed"
    if answer.get("memory"):
        return "memory"
    return "passed" if end == 0 else "failed"
