"""How differently people weigh features, as the rows of a table, and what a few labels of a person add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["few_table", "people_table"]

_HOW = {"random": "at random", "largest": "where it is largest"}


def people_table(found: Mapping[str, Any], most: int = 10) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row per feature, the most certain spread first.

    Args:
        found: ``People.as_dict()``.
        most: number of rows.

    Example:
        >>> row = {"feature": 3, "rewarded": ["warm"], "punished": [], "coefficient": 0.2, "spread": 0.5, "p": 0.001}
        >>> row |= {"lowest": ["ann", -0.4, 0.1], "highest": ["bob", 0.9, 0.1]}
        >>> people_table({"features": [row]})[1]
        [['warm', '–', '+0.20', '0.50', '0.001', '−0.40 ann', '+0.90 bob']]
    """
    headings = ["rewarded", "rather than", "log-odds", "spread", "p", "lowest", "highest"]
    rows = []
    for row in found["features"][:most]:
        ends = [_signed(row[side][1]) + f" {row[side][0]}" for side in ("lowest", "highest")]
        words = [", ".join(row[side][:3]) or "–" for side in ("rewarded", "punished")]
        rows.append([*words, _signed(row["coefficient"]), f"{row['spread']:.2f}", f"{row['p']:.1g}", *ends])
    return headings, rows


def few_table(found: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row per feature and choice of labels: what a few labels of a person add.

    Args:
        found: ``People.as_dict()``.
    """
    headings = ["feature, labels shown", "people", "pairs", "everybody's", "and their own"]
    named = {row["feature"]: row for row in found["features"]}
    rows = [
        [
            f"{_name(named[each['feature']])}; {each['labels']} {_HOW[each['how']]}",
            str(each["people"]),
            f"{each['pairs']:,}",
            f"{each['general']:.3f}",
            f"{each['personal']:.3f}",
        ]
        for each in found["few_labels"]
    ]
    return headings, rows


def _name(row: Mapping[str, Any]) -> str:
    return ", ".join(row["rewarded"][:3]) or "not " + ", ".join(row["punished"][:3])


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
