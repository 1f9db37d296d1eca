"""Records packed into one row have the losses and gradients of the records alone."""

from __future__ import annotations

import pytest
import torch

from families import VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.feedback.records import Source
from penchant.forest import Example, collate
from penchant.likelihood import CausalScorer, build_reference, score_batch
from penchant.objectives import IFT, NLL, Objective

EXAMPLES = [Example({"chosen": [each]}, {}, 1.0, Source()) for each in random_trees(1, VOCABULARY)[0][:6]]


@pytest.mark.parametrize("objective", [NLL(), IFT()], ids=lambda each: each.id)
def test_a_packed_batch_is_the_mean_of_its_records(objective: Objective) -> None:
    model = tiny_model("llama", seed=1)
    scorer = CausalScorer(model)
    found = []
    for parts in ([EXAMPLES], [[each] for each in EXAMPLES]):
        losses = []
        for part in parts:
            batch = collate(part)
            assert batch.forest.tokens <= sum(each.size for each in part), "no padding"
            views = score_batch(scorer, batch, build_reference("none", scorer), objective.requirements.needs)
            losses.append(objective(**views).values)
        every = torch.cat(losses)
        every.mean().backward()
        gradients = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
        model.zero_grad()
        found.append((every.detach(), gradients))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=1e-4)
