"""A plugin of pytest: the table of kills in the last lines that it prints, from ``record_property("kills", ...)``."""

from __future__ import annotations

from pytest import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print a row for each test that recorded kills: how many had no consequence, of how many."""
    reports = [report for each in ("passed", "failed") for report in terminalreporter.stats.get(each, [])]
    rows = [
        value
        for report in reports
        for name, value in getattr(report, "user_properties", [])
        if name == "kills" and report.when == "call"
    ]
    if not rows:
        return
    terminalreporter.section("kills without a consequence")
    width = max(len(name) for name, _, _ in rows)
    for name, good, count in sorted(rows):
        terminalreporter.write_line(f"{name:<{width}}  {good} of {count}")
    good, count = sum(row[1] for row in rows), sum(row[2] for row in rows)
    terminalreporter.write_line(f"{'in all':<{width}}  {good} of {count}")
