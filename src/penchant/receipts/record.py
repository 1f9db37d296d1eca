"""The agreement on record: how many published cases of each method agree, so that it is known without the cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from penchant.errors import ConfigurationError, OutputError
from penchant.receipts.checking import Receipt

__all__ = ["AGREEMENT", "agreement", "count", "recorded", "write_agreement"]

#: Each method's id, then each file of cases, then the number of cases that agree and that of all.
AGREEMENT = Path(__file__).with_name("agreement.json")

Counts = dict[str, dict[str, tuple[int, int]]]


def agreement(method: str) -> tuple[int, int] | None:
    """How many published cases of a method agree, as it stands on record.

    Args:
        method: the id of an objective, or of another thing that has published cases.

    Returns:
        The number of cases that agree, and of how many; None where none is on record.

    Example:
        >>> agree, every = agreement("spin")
        >>> agree == every
        True
        >>> agreement("no-such-method") is None
        True
    """
    counts = recorded().get(method, {}).values()
    return (sum(agree for agree, _ in counts), sum(every for _, every in counts)) if counts else None


def recorded() -> Counts:
    """All that stands on record: for each method and file the cases that agree, and all."""
    stored = json.loads(AGREEMENT.read_text(encoding="utf-8"))
    return {
        method: {file: (agree, every) for file, (agree, every) in files.items()} for method, files in stored.items()
    }


def count(found: Mapping[str, Sequence[Receipt]]) -> Counts:
    """Count the cases of each method: those that agree, and all that expect something.

    Args:
        found: verdicts by the name of the file of cases.

    Example:
        >>> count({"pairwise": [Receipt("dpo", "a", "exact", evaluated="dpo"), Receipt("dpo", "b", "computed")]})
        {'dpo': {'pairwise': (1, 1)}}
    """
    counts: Counts = {}
    for file, checked in found.items():
        for each in checked:
            if each.verdict in ("exact", "within", "differs"):
                of_files = counts.setdefault(each.evaluated, {})
                agree, every = of_files.get(file, (0, 0))
                of_files[file] = (agree + (each.verdict != "differs"), every + 1)
    return counts


def write_agreement(found: Mapping[str, Sequence[Receipt]]) -> None:
    """Put verdicts on record; they replace what stands there for the same files.

    Args:
        found: verdicts by the name of the file of cases.

    Raises:
        ConfigurationError: a case differs or fails.
        OutputError: the record cannot be written.
    """
    bad = [f"{each.method} ({each.case})" for checked in found.values() for each in checked if not each.good]
    if bad:
        raise ConfigurationError(
            f"Nothing is recorded: of {len(bad)} cases that differ or fail the first is {bad[0]}.",
            fix="Correct the method or its adapter, then record again.",
        )
    counts = {
        method: {file: pair for file, pair in files.items() if file not in found}
        for method, files in recorded().items()
    }
    for method, files in count(found).items():
        counts[method] = counts.get(method, {}) | files
    rows = [
        f"{json.dumps(method)}: {json.dumps(files, sort_keys=True)}"
        for method, files in sorted(counts.items())
        if files
    ]
    try:
        AGREEMENT.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The agreement cannot be written: {error.strerror}.", where=str(AGREEMENT)) from error
