"""Results of claims as plain rows, for JSON files and pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.lab.claims.claim import Claim, all_claims
from penchant.lab.claims.judging import Effect, Finding, judge
from penchant.lab.claims.record import RESULTS, Entry, read_record
from penchant.writing import write_json

__all__ = ["entry_of", "finding_of", "read_results", "recorded_rows", "row_of", "write_results"]

Row = dict[str, Any]


def row_of(finding: Finding) -> Row:
    """A finding as a row of numbers and text.

    Args:
        finding: the finding of a claim.

    Returns:
        The attributes of the claim, ``arms`` (numbers, one per seed), ``effects`` and ``verdict``.
    """
    claim = finding.claim
    return {
        "id": claim.id,
        "family": claim.family(),
        "paper": claim.paper,
        "sentence": claim.sentence,
        "methods": list(claim.methods),
        "baselines": list(claim.baselines),
        "world": str(claim.world),
        "quantity": claim.quantity,
        "remark": claim.remark,
        "seeds": list(finding.seeds),
        "arms": {arm: list(values) for arm, values in finding.arms.items()},
        "effects": [_effect(each) for each in finding.effects],
        "verdict": finding.verdict,
        "seconds": round(finding.seconds, 2),
        "sources": finding.sources,
    }


def _effect(effect: Effect) -> Row:
    contrast, interval = effect.contrast, effect.interval
    return {
        "difference": contrast.difference,
        "promise": contrast.promise,
        "better": contrast.better,
        "worse": contrast.worse,
        "smallest": contrast.smallest,
        "not_worse_by": contrast.not_worse_by,
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "verdict": effect.verdict,
    }


def entry_of(row: Mapping[str, Any]) -> Entry:
    """The recorded part of a row: its numbers, without the text of the claim, which is in the code."""
    return Entry(**{key: row[key] for key in Entry.__annotations__})  # type: ignore[typeddict-item]


def finding_of(claim: type[Claim], entry: Entry) -> Finding:
    """A recorded result, judged by the current contrasts of the claim.

    Raises:
        ConfigurationError: the record lacks an arm of a contrast, so the claim must be measured again.
    """
    arms = entry["arms"]
    measured = {seed: {arm: arms[arm][place] for arm in arms} for place, seed in enumerate(entry["seeds"])}
    return judge(claim, measured, entry["seconds"], entry["sources"])


def recorded_rows(folder: Path = RESULTS) -> list[Row]:
    """The rows of all claims with a recorded result, by id.

    Args:
        folder: folder of the family files.

    Example:
        >>> [row["verdict"] for row in recorded_rows() if row["id"] == "rdpo-flipped-labels"]
        ['reproduced']
    """
    record = read_record(folder)
    return [row_of(finding_of(claim, record[claim.id])) for claim in all_claims() if claim.id in record]


def write_results(rows: Sequence[Row], path: Path) -> Path:
    """Write rows as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    write_json(path, list(rows), "The results", indent=1, fix="Choose another folder with --output.")
    return path


def read_results(path: Path) -> list[Row]:
    """Rows from a file that `write_results` wrote.

    Raises:
        DataError: the file is missing or malformed.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if not all({"effects", *Entry.__annotations__} <= set(row) for row in rows):
            raise ValueError("a row lacks its effects, arms or sources")
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"The results of claims cannot be read ({error}).",
            where=str(path),
            fix="Write them with: penchant claims --output FOLDER.",
        ) from error
    return list(rows)
