"""The recorded agreement: how many published cases of each method agree, readable without the case files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from penchant.errors import ConfigurationError
from penchant.receipts.checking import Receipt
from penchant.targets import claim_file
from penchant.writing import write_text

__all__ = ["AGREEMENT", "agreement", "count", "recorded", "write_agreement"]

#: By method id, then by case file: the number of agreeing cases and of all cases.
AGREEMENT = Path(__file__).with_name("agreement.json")

Counts = dict[str, dict[str, tuple[int, int]]]


def agreement(method: str) -> tuple[int, int] | None:
    """The recorded number of published cases of a method that agree.

    Args:
        method: the id of an objective, or of anything else with published cases.

    Returns:
        The number of agreeing cases and of all cases; None if nothing is recorded.

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
    """The whole record: agreeing cases and all cases, by method and file."""
    stored = json.loads(AGREEMENT.read_text(encoding="utf-8"))
    return {
        method: {file: (agree, every) for file, (agree, every) in files.items()} for method, files in stored.items()
    }


def count(found: Mapping[str, Sequence[Receipt]]) -> Counts:
    """Count, per method, the cases that agree and all cases with expected values.

    Args:
        found: receipts by the name of the case file.

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
    """Record receipts; they replace the recorded ones of the same files.

    Args:
        found: receipts by the name of the case file.

    Raises:
        ConfigurationError: a case differs or fails.
        OutputError: the record cannot be written.
    """
    bad = [f"{each.method} ({each.case})" for checked in found.values() for each in checked if not each.good]
    if bad:
        raise ConfigurationError(
            f"Nothing is recorded: case {bad[0]} differs or fails, the first of {len(bad)}.",
            fix="Fix the method or its adapter, then record again.",
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
    claim_file(AGREEMENT, option="--record", overwrite=True, makes_folder=False)
    write_text(AGREEMENT, "{\n" + ",\n".join(rows) + "\n}\n", "The agreement")
