"""Tables of claims that stand in the hand-written pages agree with the record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penchant.lab.claims import Effect, find_claim
from penchant.lab.claims.record import read_record
from penchant.lab.claims.results import finding_of

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
NUMBER = r"([+−-]?[\d.]+)"
ROW = re.compile(rf"^\| *(?:`([a-z0-9-]+)`)? *\|.*?\| *{NUMBER} \[{NUMBER}, {NUMBER}\] *\| ([a-z ]+?) \|$")


def rows(text: str) -> Iterator[tuple[str, list[str], str]]:
    """Claim, mean and ends of the interval, and verdict of each row; a row without an id belongs to the one above."""
    claim = ""
    for line in text.splitlines():
        if found := ROW.match(line):
            claim = found[1] or claim
            yield claim, [each.replace("−", "-") for each in found.group(2, 3, 4)], found[5]


def written(effect: Effect, numbers: list[str]) -> bool:
    """Whether the numbers are those of the effect, rounded as the page rounds them."""
    interval = effect.interval
    for value, number in zip((interval.value, interval.low, interval.high), numbers, strict=True):
        places = len(number.partition(".")[2])
        if abs(value - float(number)) > 0.51 * 10**-places:
            return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_figures_of_claims_are_those_of_the_record(page: Path) -> None:
    record = read_record()
    for claim, numbers, verdict in rows(page.read_text(encoding="utf-8")):
        effects = finding_of(find_claim(claim), record[claim]).effects
        assert any(written(each, numbers) and each.verdict == verdict for each in effects), (claim, numbers, verdict)


def test_such_rows_are_found() -> None:
    found = [claim for page in PAGES for claim, _numbers, _verdict in rows(page.read_text(encoding="utf-8"))]
    assert len(found) > 15 and "sparsepo-finds-values" in found
    line = "| `dmpo-more-negatives` | x | −0.024 [−0.076, 0.027] | not reproduced |"
    assert list(rows(line)) == [("dmpo-more-negatives", ["-0.024", "-0.076", "0.027"], "not reproduced")]
