"""Checks of published cases: evaluation, comparison with the expected numbers, verdicts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.errors import DataError
from penchant.receipts.cases import Case
from penchant.receipts.comparison import as_plain, differences, like
from penchant.receipts.evaluation import find_evaluation, method_of

__all__ = ["Receipt", "check_case", "check_file"]

_RELATIVE_TOLERANCE = 1e-6
_STATED_TOLERANCE = re.compile(r"\b(?:rtol|atol|tolerance)[ =]*(?:of )?([0-9.]+(?:e-?[0-9]+)?)")


@dataclass(frozen=True)
class Receipt:
    """The result of a case.

    Args:
        method: the id in the case file.
        case: the name of the case.
        verdict: ``exact`` (all numbers equal), ``within`` (within the tolerance), ``computed`` (nothing expected),
            ``differs``, ``failed`` (an error was raised), or ``not built yet``.
        difference: the largest absolute difference between numbers, or None if none were compared.
        detail: a description of the first difference or of the error.
        got: the results under the keys that the case expects; None if there are none.
        evaluated: the id of the evaluated method; empty if none was evaluated.

    Example:
        >>> Receipt("dpo", "beta=0.1", "within", 4e-11, "", {"loss": 0.69}, "dpo").good
        True
    """

    method: str
    case: str
    verdict: str
    difference: float | None = None
    detail: str = ""
    got: dict[str, Any] | None = None
    evaluated: str = ""

    @property
    def good(self) -> bool:
        """Whether the verdict is neither ``differs`` nor ``failed``."""
        return self.verdict not in ("differs", "failed")


def check_case(case: Mapping[str, Any], file: str = "") -> Receipt:
    """Evaluate a case and compare the results with the expected numbers.

    |got − expected| ≤ tolerance · max(1, |expected|),   tolerance 1e-6 unless the notes of the case state another

    Args:
        case: ``method``, ``case``, ``params``, ``inputs``, ``expected`` (None for values that are computed but not
            compared), and optionally ``notes``.
        file: the name of its file without suffix; it distinguishes methods with the same id in different files.

    Returns:
        The receipt; an error in the method is reported as a verdict.

    Example:
        >>> check_case({"method": "nll", "case": "one", "inputs": {"chosen": {"policy": [[-1.0]]}},
        ...             "expected": {"loss": 1.0}}).verdict
        'exact'
    """
    method, name = str(case["method"]), str(case.get("case", ""))
    published = Case(method, dict(case.get("params") or {}), case["inputs"], name, file)
    try:
        evaluation = find_evaluation(published)
        if evaluation is None:
            return Receipt(method, name, "not built yet")
        evaluated = method_of(published)
        result = as_plain(evaluation(published))
    except Exception as error:  # any error of a method is its verdict, and the other cases continue
        return Receipt(method, name, "failed", detail=f"{type(error).__name__}: {error}")
    return _compared(published, case.get("expected"), result, _tolerance(case), evaluated)


def _tolerance(case: Mapping[str, Any]) -> float:
    stated = _STATED_TOLERANCE.search(case.get("notes") or "")
    return float(stated[1]) if stated else _RELATIVE_TOLERANCE


def _compared(case: Case, expected: Any, result: Any, tolerance: float, evaluated: str) -> Receipt:
    compared = list(differences(expected, result, tolerance))
    sizes = [each.size for each in compared if each.size is not None]
    largest = max(sizes, key=lambda size: math.inf if math.isnan(size) else size, default=None)
    wrong = [each for each in compared if each.wrong]
    if wrong:
        verdict = "differs"
    elif not compared:
        verdict = "computed"
    else:
        verdict = "within" if largest else "exact"
    detail = f"{wrong[0].place} {wrong[0].words}" if wrong else ""
    return Receipt(case.method, case.name, verdict, largest, detail, like(expected, result), evaluated)


def check_file(path: Path) -> list[Receipt]:
    """Evaluate all cases of a file.

    Args:
        path: a JSON file with a list of cases.

    Returns:
        One verdict per case, in order.

    Raises:
        DataError: the file is missing, not JSON, empty, or contains something other than cases.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "cases.json"
        >>> _ = path.write_text('[{"method": "no-such-method", "case": "a", "inputs": {}}]')
        >>> check_file(path)[0].verdict
        'not built yet'
    """
    try:
        cases = json_document(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"The case file cannot be read: {error.strerror}.", where=str(path)) from error
    except ValueError as error:
        raise DataError(f"The case file is not JSON: {error}.", where=str(path)) from error
    if not isinstance(cases, list):
        raise DataError(f"Found {type(cases).__name__}, expected a list of cases.", where=str(path))
    if not cases:
        raise DataError("The file contains no cases.", where=str(path), fix="Check that the right file is given.")
    for place, case in enumerate(cases):
        absent = [key for key in ("method", "inputs") if not isinstance(case, Mapping) or key not in case]
        if absent:
            raise DataError(f"The case has no {absent[0]!r}.", where=f"{path}[{place}]")
    return [check_case(case, path.stem) for case in cases]
