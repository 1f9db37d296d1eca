"""Findings as plain rows: what the JSON file holds, and what every page is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.errors import DataError, OutputError
from penchant.lab.claims.judging import Effect, Finding

__all__ = ["read_results", "row_of", "write_results"]

Row = dict[str, Any]


def row_of(finding: Finding) -> Row:
    """A finding as numbers and text.

    Args:
        finding: of a claim.

    Returns:
        What the claim states, ``arms`` (numbers, one a seed), ``effects`` and ``verdict``.
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
    }


def _effect(effect: Effect) -> Row:
    interval = effect.interval
    return {
        "difference": effect.contrast.difference,
        "better": effect.contrast.better,
        "worse": effect.contrast.worse,
        "smallest": effect.contrast.smallest,
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "verdict": effect.verdict,
    }


def write_results(rows: Sequence[Row], path: Path) -> Path:
    """Write rows as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(list(rows), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The results cannot be written ({error.strerror or error}).",
            where=str(path),
            fix="Choose another folder with --output.",
        ) from error
    return path


def read_results(path: Path) -> list[Row]:
    """Rows from a file that `write_results` wrote.

    Raises:
        DataError: there is no such file, or it holds something else.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if not all({"id", "effects", "arms", "verdict"} <= set(row) for row in rows):
            raise ValueError("a row lacks its effects")
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"The results of claims cannot be read ({error}).",
            where=str(path),
            fix="Write them with: penchant claims --output FOLDER.",
        ) from error
    return list(rows)
