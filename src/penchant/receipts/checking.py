"""Hold methods to published numbers: evaluate files of cases and compare with what they expect."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import penchant
from penchant import receipts
from penchant.errors import DataError
from penchant.objectives.core import registry
from penchant.objectives.core.evaluate import evaluate

__all__ = ["Receipt", "check_case", "check_file", "find_kernel"]

_RELATIVE_TOLERANCE = 1e-6
_STATED_TOLERANCE = re.compile(r"\b(?:rtol|atol|tolerance)[ =]*(?:of )?([0-9.]+(?:e-?[0-9]+)?)")
_MENTIONS_RECEIPT = re.compile(r"^@(?:\w+\.)?receipt\(", re.MULTILINE)


@dataclass(frozen=True)
class Receipt:
    """What came of one case.

    Args:
        method: the method's id.
        case: the case's name.
        verdict: ``exact`` (every number equal), ``within`` (within the tolerance), ``computed`` (nothing was expected),
            ``differs``, ``failed`` (an error was raised), or ``not built yet``.
        difference: the largest absolute difference between numbers, or None where none was compared.
        detail: the first thing that is wrong, in words.
        got: the results under the keys that the case expects; None where there are none.

    Example:
        >>> Receipt("dpo", "beta=0.1", "within", 4e-11, "", {"loss": 0.69}).good
        True
    """

    method: str
    case: str
    verdict: str
    difference: float | None
    detail: str
    got: dict[str, Any] | None

    @property
    def good(self) -> bool:
        """Whether the case neither differs nor fails."""
        return self.verdict not in ("differs", "failed")


@dataclass(frozen=True)
class _Difference:
    place: str
    size: float | None  # None where the two cannot be subtracted
    allowed: float
    words: str

    @property
    def wrong(self) -> bool:
        return self.size is None or not self.size <= self.allowed


def _modules_with_receipts() -> Iterator[str]:
    """Modules of the package that register kernels, found by their text: importing all of them would take seconds."""
    for module in pkgutil.walk_packages(penchant.__path__, prefix="penchant."):
        spec = importlib.util.find_spec(module.name)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            continue
        if _MENTIONS_RECEIPT.search(Path(spec.origin).read_text(encoding="utf-8")):
            yield module.name


def find_kernel(method: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]] | None:
    """The function that evaluates a method on plain numbers, or None where the method is not built yet.

    Args:
        method: the id of an objective or of a registered kernel.

    Example:
        >>> find_kernel("dpo") is not None, find_kernel("no-such-method")
        (True, None)
    """
    if method not in receipts.kernels():
        for name in _modules_with_receipts():
            importlib.import_module(name)
    if method in receipts.kernels():
        return receipts.kernels()[method]
    return partial(evaluate, method) if method in registry.names() else None


def _differences(expected: Any, got: Any, tolerance: float, place: str = "") -> Iterator[_Difference]:
    """Compare number by number; a null in ``expected`` is no expectation."""
    if expected is None:
        return
    if isinstance(expected, Mapping):
        for key, value in expected.items():
            inner = f"{place}.{key}" if place else str(key)
            if not isinstance(got, Mapping) or key not in got:
                yield _Difference(inner, None, tolerance, "is not among the results")
            else:
                yield from _differences(value, got[key], tolerance, inner)
    elif isinstance(expected, list):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            found = len(got) if isinstance(got, list | tuple) else repr(got)
            yield _Difference(place, None, tolerance, f"has length {found}, expected {len(expected)}")
            return
        for index, (left, right) in enumerate(zip(expected, got, strict=True)):
            yield from _differences(left, right, tolerance, f"{place}[{index}]")
    elif isinstance(expected, bool | str) or not isinstance(got, int | float):
        words = "" if expected == got else f"is {got!r}, expected {expected!r}"
        yield _Difference(place, None if words else 0.0, tolerance, words)
    else:
        same = expected == got or (math.isnan(expected) and math.isnan(got))
        size = 0.0 if same else abs(expected - got)
        words = f"is {got!r}, expected {expected!r}"
        yield _Difference(place, size, tolerance * max(1.0, abs(expected)), words)


def _plain(value: Any) -> Any:
    """Numbers and lists, whatever array type a kernel returned."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _like(expected: Any, got: Any) -> Any:
    """The part of ``got`` that has the keys of ``expected``; all of it where nothing particular is expected."""
    if not isinstance(expected, Mapping) or not isinstance(got, Mapping):
        return got
    return {key: _like(value, got.get(key)) for key, value in expected.items()}


def _another(method: str, params: Any, inputs: Any) -> bool:
    """Whether a case is of another method of the same name: further views, or neither our views nor our parameters."""
    if method not in registry.names() or method in receipts.kernels() or hasattr(registry.get(method), "receipt"):
        return False
    known = set(registry.get(method)().requirements.views)
    found = {name for name, each in inputs.items() if isinstance(each, Mapping) and "policy" in each}
    named = {each.name for each in registry.get(method).hyperparameters()}
    stranger = not known & set(inputs) and bool(set(params or {}) - named)
    return stranger or bool(known <= found and found - known)


def check_case(case: Mapping[str, Any]) -> Receipt:
    """Evaluate one case by its method's id and compare with what it expects.

    |got − expected| ≤ tolerance · max(1, |expected|),   tolerance 1e-6 where the case's notes state none

    Args:
        case: ``method``, ``case``, ``params``, ``inputs``, ``expected`` (values may be None: computed all the same) and
            optionally ``notes``.

    Returns:
        The verdict; an error in the method is a verdict too.

    Example:
        >>> check_case({"method": "nll", "case": "one", "inputs": {"chosen": {"policy": [[-1.0]]}},
        ...             "expected": {"loss": 1.0}}).verdict
        'exact'
    """
    method, name = str(case["method"]), str(case.get("case", ""))
    kernel = find_kernel(method)
    if kernel is None or _another(method, case.get("params"), case["inputs"]):
        return Receipt(method, name, "not built yet", None, "", None)
    expected = case.get("expected")
    try:
        result = _plain(kernel(case.get("params") or {}, case["inputs"]))
    except Exception as error:  # whatever a method raises is its verdict; the other cases go on
        return Receipt(method, name, "failed", None, f"{type(error).__name__}: {error}", None)
    stated = _STATED_TOLERANCE.search(case.get("notes") or "")
    compared = list(_differences(expected, result, float(stated[1]) if stated else _RELATIVE_TOLERANCE))
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
    return Receipt(method, name, verdict, largest, detail, _like(expected, result))


def check_file(path: Path) -> list[Receipt]:
    """Evaluate all cases of a file.

    Args:
        path: a JSON file with a list of cases.

    Returns:
        One verdict per case, in order.

    Raises:
        DataError: the file is missing, is not JSON, or holds something other than cases.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "cases.json"
        >>> _ = path.write_text('[{"method": "no-such-method", "case": "a", "inputs": {}}]')
        >>> check_file(path)[0].verdict
        'not built yet'
    """
    try:
        cases = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"The file of cases cannot be read: {error.strerror}.", where=str(path)) from error
    except ValueError as error:
        raise DataError(f"The file of cases is not JSON: {error}.", where=str(path)) from error
    if not isinstance(cases, list):
        raise DataError(f"Found {type(cases).__name__}, expected a list of cases.", where=str(path))
    for place, case in enumerate(cases):
        absent = [key for key in ("method", "inputs") if not isinstance(case, Mapping) or key not in case]
        if absent:
            raise DataError(f"The case has no {absent[0]!r}.", where=f"{path}[{place}]")
    return [check_case(case) for case in cases]
