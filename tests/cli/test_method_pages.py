"""Pages and tables of methods."""

from __future__ import annotations

import re

import pytest

from penchant.cli.method_pages import evidence_table, method_page, methods_overview
from penchant.lab.claims.record import families, verdicts
from penchant.objectives import DPO, NLL, get, names, wrapper_names
from penchant.receipts import agreement

# Other tests define objectives of their own.
CLASSES = [cls for name in names() + wrapper_names() if (cls := get(name)).__module__.startswith("penchant.")]


def test_the_overview_has_a_row_for_every_method_with_its_other_names_and_a_link_to_its_page() -> None:
    table = methods_overview(CLASSES)
    rows = [line for line in table.splitlines() if line.startswith("| [`")]
    assert {row.split("`")[1] for row in rows} == {cls.id for cls in CLASSES} and len(rows) == len(CLASSES)
    for cls in CLASSES:
        [row] = [row for row in rows if row.startswith(f"| [`{cls.id}`]({cls.id}.md)")]
        assert all(f"`{alias}`" in row for alias in cls.aliases) and all(tag in row for tag in cls.tags)
        assert cls.paper in row and ("#claims" in row) == bool(verdicts(cls.id))


def test_a_wrapper_says_that_its_data_are_those_of_the_objective_inside() -> None:
    row = methods_overview([get("smoothed")]).splitlines()[-1]
    assert "| noise, robust, soft-labels | as the objective inside | as the objective inside |" in row


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for text in (methods_overview(CLASSES), evidence_table(CLASSES), *map(method_page, CLASSES)):
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            assert len({row.replace("\\|", "").count("|") for row in table.splitlines()}) == 1, table


def test_claims_on_a_page_link_to_the_page_of_their_family() -> None:
    page = method_page(get("rdpo"), "../claims")
    for claim, verdict in verdicts("rdpo").items():
        assert f"- [{claim}](../claims/{families()[claim]}.md#{claim}): {verdict}\n" in page


def test_the_table_of_evidence_counts_every_method_once() -> None:
    table = evidence_table(CLASSES)
    counts = [int(count) for count in re.findall(r"\| (\d+): ", table)]
    assert sum(counts) == len(CLASSES)
    wrappers = sum(cls.family == "wrappers" for cls in CLASSES)
    assert f"\n{len(CLASSES) - wrappers} methods in " in table and f", and {wrappers} wrappers" in table


@pytest.mark.parametrize(("of", "cases"), [([NLL], 0), ([DPO], agreement("dpo")[0]), ([DPO, NLL], agreement("dpo")[0])])
def test_the_table_counts_the_published_cases_of_what_it_lists(of: list[type], cases: int) -> None:
    assert f"; {cases} cases of published code agree." in evidence_table(of)
