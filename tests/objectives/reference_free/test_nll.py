"""NLL: every example counts the same, unless it is told to sum."""

from __future__ import annotations

import torch

from penchant.objectives import NLL, Scored

VIEW = Scored(torch.tensor([[-1.0, -3.0], [-4.0, 9.0]]), None, torch.tensor([[True, True], [True, False]]))


def test_the_mean_and_the_sum_over_tokens() -> None:
    assert NLL()(chosen=VIEW).values.tolist() == [2.0, 4.0]
    assert NLL(average=False)(chosen=VIEW).values.tolist() == [4.0, 4.0]


def test_it_needs_one_view_and_no_reference_and_implies_no_reward() -> None:
    wanted = NLL().requirements
    assert wanted.views == ("chosen",) and not wanted.needs.reference
    assert NLL().rewards(VIEW) is None
