"""Methods described from their classes."""

from __future__ import annotations

from penchant.objectives import DPO, IPO, MAPL, NLL
from penchant.objectives.core.description import describe, formula


def test_a_page_has_formula_paper_fields_and_data() -> None:
    page = describe(DPO)
    for told in (
        "−log σ(β",
        "https://arxiv.org/abs/2305.18290",
        "| `beta` | float | `0.1` | > 0 |",
        "`rejected`",
        "reference model: yes",
    ):
        assert told in page
    assert ">>>" not in page  # examples belong to the reference


def test_remarks_below_the_formula_are_kept_apart_from_it() -> None:
    assert formula(IPO).startswith("loss = (Δ_chosen") and "authors" not in formula(IPO)
    assert "According to its authors" in describe(IPO)


def test_bars_in_cells_are_escaped_so_that_every_row_has_as_many_cells_as_the_head() -> None:
    for cls in (DPO, IPO, NLL):
        rows = [line for line in describe(cls).splitlines() if line.startswith("|")]
        assert len({row.replace("\\|", "").count("|") for row in rows}) == 1


def test_a_page_says_how_the_method_is_known_to_be_right_and_its_other_names() -> None:
    assert "Evidence: official code" in describe(DPO) and "another name: `infonca`" in describe(DPO)
    assert "Evidence: reconstruction. The abstract gives no formula" in describe(MAPL)


def test_further_facts_stand_in_the_list_of_facts() -> None:
    assert "- In Python: `objectives.DPO`\n- Data: pairs\n\n" in describe(DPO, ["Data: pairs"])
