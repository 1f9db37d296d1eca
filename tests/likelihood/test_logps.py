"""Log-probabilities of sequences: equal to plain evaluation for any grouping, with and without gradient."""

from __future__ import annotations

import pytest
import torch

from families import VOCABULARY, tiny_model
from forest.trees import random_trees
from likelihood.plain import plain_logps
from penchant.likelihood import CausalScorer, token_logps
from penchant.likelihood.forest_scorer import scorer_of
from penchant.likelihood.logps import response_logps

SEQUENCES, OWNERS = random_trees(0, VOCABULARY)


@pytest.mark.parametrize("groups", [None, OWNERS, [0] * len(SEQUENCES)], ids=["by prompt", "given", "one"])
def test_every_row_is_that_of_plain_evaluation(groups: list[int] | None) -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        expected = [plain_logps(model, each) for each in SEQUENCES]
    with scorer_of(model) as scorer:
        rows = token_logps(scorer, SEQUENCES, groups)
        alone = response_logps(scorer, SEQUENCES, groups)
    assert rows.requires_grad and not any(each.requires_grad for each in alone)
    for row, own, plain in zip(rows.detach(), alone, expected, strict=True):
        torch.testing.assert_close(own, plain, atol=1e-5, rtol=0)
        assert torch.equal(row[: len(plain)], own) and not row[len(plain) :].any()


def test_a_scorer_is_closed_by_its_creator() -> None:
    model = tiny_model("llama")
    forward = model.forward
    with scorer_of(model):
        assert model.forward != forward
    assert model.forward == forward
    given = CausalScorer(model)
    with scorer_of(given) as scorer:
        assert scorer is given
    assert model.forward != forward, "a scorer that is given stays open"
    given.close()
    with pytest.raises(ValueError), scorer_of(model):
        raise ValueError
    assert model.forward == forward
