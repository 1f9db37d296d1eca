"""Figures that tests record, in the last lines that pytest prints: ``record_property("figures", "...")``."""

from __future__ import annotations

from pytest import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print what tests recorded, in whichever process they ran."""
    reports = [report for each in ("passed", "failed") for report in terminalreporter.stats.get(each, [])]
    for report in reports:
        for name, value in getattr(report, "user_properties", []):
            if name == "figures" and getattr(report, "when", "call") == "call":
                terminalreporter.write_line(value)
