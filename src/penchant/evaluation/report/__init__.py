"""HTML reports: one run, a comparison of runs, a comparison of objectives over seeds."""

from __future__ import annotations

from penchant.evaluation.report.comparison import compare_runs, comparison_table
from penchant.evaluation.report.objectives_page import failures, objectives_table, write_objectives
from penchant.evaluation.report.run_folder import RunFolder, read_run
from penchant.evaluation.report.run_page import before_after_table, write_report

__all__ = [
    "RunFolder",
    "before_after_table",
    "compare_runs",
    "comparison_table",
    "failures",
    "objectives_table",
    "read_run",
    "write_objectives",
    "write_report",
]
