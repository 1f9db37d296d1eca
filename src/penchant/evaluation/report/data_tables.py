"""The report's tables about the data: truncation, lengths, and findings of the data checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penchant.evaluation.report.quantities import number
from penchant.evaluation.report.run_folder import finite_number, numbers_of

__all__ = ["Check", "checks", "cut_rows", "length_rows"]

_CUT_LABELS = {
    "kept": "Kept",
    "prompt_cut": "Prompts truncated on the left",
    "response_cut": "Responses truncated on the right",
    "dropped": "Dropped",
    "end_token_lost": "End token lost",
    "identical_after_cut": "Identical after truncation",
}
_TONES = {"ok": "good", "note": "unknown", "warning": "caution", "error": "bad"}
_WORST_FIRST = ("error", "warning", "note", "ok")


@dataclass(frozen=True)
class Check:
    """One row of the table of data checks."""

    name: str
    value: str
    verdict: str
    tone: str
    detail: str


def cut_rows(cut: Any) -> list[tuple[str, str, str]]:
    """Rows (label, count, share of all examples) on truncation; the share is empty if the total is unknown.

    Example:
        >>> cut_rows({"kept": 90, "dropped": 10, "prompt_cut": 9})
        [('Kept', '90', '90.0 %'), ('Prompts truncated on the left', '9', '9.0 %'), ('Dropped', '10', '10.0 %')]
    """
    counts = numbers_of(cut)
    total = counts.get("kept", 0) + counts.get("dropped", 0) if "kept" in counts else 0
    keys = [key for key in _CUT_LABELS if key in counts] + [key for key in counts if key not in _CUT_LABELS]
    labels = {key: _CUT_LABELS.get(key) or key.replace("_", " ").capitalize() for key in keys}
    rows = [(labels[key], counts[key]) for key in keys]
    reasons = numbers_of(cut.get("dropped_because")) if isinstance(cut, dict) else {}
    rows += [(f"Dropped because: {reason}", times) for reason, times in reasons.items()]
    return [(label, f"{times:,.0f}", f"{100 * times / total:.1f} %" if total else "") for label, times in rows]


def length_rows(lengths: Any) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Column names and rows of the table of lengths in tokens; both empty without data.

    Example:
        >>> length_rows({"prompt": {"mean": 126.04, "max": 512}})
        (['mean', 'max'], [('Prompt', ['126', '512'])])
    """
    parts = {str(name): numbers_of(values) for name, values in lengths.items()} if isinstance(lengths, dict) else {}
    parts = {name: values for name, values in parts.items() if values}
    keys = list(dict.fromkeys(key for values in parts.values() for key in values))
    names = {"p50": "median", "p95": "95th percentile"}
    rows = [
        (name.capitalize(), [number(values[key]) if key in values else "–" for key in keys])
        for name, values in parts.items()
    ]
    return [names.get(key, key) for key in keys], rows


def checks(found: Any) -> list[Check]:
    """The data checks, the worst first.

    Example:
        >>> [check.tone for check in checks([{"name": "pairs", "verdict": "ok"}, {"name": "BOS", "verdict": "error"}])]
        ['bad', 'good']
    """
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    made = [
        Check(_said(row, "name"), _said(row, "value"), verdict, _TONES.get(verdict, "unknown"), _said(row, "detail"))
        for row in rows
        for verdict in [_said(row, "verdict") or "note"]
    ]
    return sorted(made, key=lambda row: _WORST_FIRST.index(row.verdict) if row.verdict in _WORST_FIRST else 2)


def _said(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    figure = finite_number(value)
    return "" if value is None else number(figure) if figure is not None else str(value)
