"""A plugin of pytest: ``--costs 25`` ends a run with the 25 most expensive files and tests, in processor seconds.

Processor time of the worker and of the processes that it has waited for, user and system. On a machine that others
use as well it says more than the time on the clock. A fixture counts for the test that asks for it first.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

__all__ = ["Costs", "pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option itself; without it nothing is measured."""
    described = "at the end, list the N most expensive files and tests, in processor seconds"
    parser.addoption("--costs", type=int, default=0, metavar="N", help=described)


def pytest_configure(config: pytest.Config) -> None:
    """Measure where it is wanted: xdist's workers get the options of the process that starts them."""
    if config.getoption("costs"):
        config.pluginmanager.register(Costs(config.getoption("costs")), "processor seconds")


def processor_seconds() -> float:
    """What this process and the finished ones that it started have used so far."""
    return sum(os.times()[:4])


class Costs:
    """Measures each phase of each test where it runs, and adds up where the reports arrive."""

    def __init__(self, count: int) -> None:
        self.count, self.mark = count, processor_seconds()
        self.tests: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Start the clock of a test."""
        self.mark = processor_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[Any]:
        """Write what the phase has used into its report, which xdist carries to the process that prints."""
        now = processor_seconds()
        report = yield
        report.processor_seconds, self.mark = now - self.mark, now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the phases of a test."""
        self.tests[report.nodeid] += getattr(report, "processor_seconds", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print both lists and the sum of all."""
        files: dict[str, float] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for test, seconds in self.tests.items():
            file = test.partition("::")[0]
            files[file] += seconds
            counts[file] += 1
        terminalreporter.section(f"processor seconds, {sum(files.values()):.0f} in all")
        for title, costs in (("files", files), ("tests", self.tests)):
            terminalreporter.write_line(f"the most expensive {title}")
            for name in _largest(costs, self.count):
                many = f"  ({counts[name]} tests)" if name in counts else ""
                terminalreporter.write_line(f"{costs[name]:8.1f}  {name}{many}")


def _largest(costs: dict[str, float], count: int) -> Sequence[str]:
    return sorted(costs, key=lambda name: costs[name], reverse=True)[:count]
