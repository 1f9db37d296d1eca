"""Rewards of boxes under the names of their two published files."""

from __future__ import annotations

from penchant.receipts.cases import Case
from penchant.receipts.evaluation import find_evaluation

FILE = "multimodal-and-data-construction"


def test_a_box_that_is_looked_for_earns_one_more_than_its_generalised_overlap() -> None:
    truth = [[[0.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0, 1.0]]]
    named = [[[0.0, 0.0, 1.0, 1.0]], [[2.0, 0.0, 3.0, 1.0]], []]
    case = Case("visual-rft", {}, {"gt": truth, "pred": named}, file=FILE)
    found = find_evaluation(case)
    assert found is not None
    [copied, apart, none] = found(case)["rewards"]
    assert copied == 2.0 and abs(apart - 2 / 3) < 1e-12 and none == 0.0
    bare = Case("visual-rft", {}, {"gt": [[0.0, 0.0, 1.0, 1.0]], "pred": [[0.0, 0.0, 1.0, 1.0]]}, file=FILE)
    assert found(bare) == {"rewards": [2.0]}
