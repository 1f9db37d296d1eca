"""Attribution scores and masks, against plain forms."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

import pytest
import torch

from families import tiny_model
from penchant.feedback.records import Source
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.forest.supply import Supply
from penchant.likelihood.causal import CausalScorer
from penchant.objectives import build
from penchant.training.parameters.attribution import attribution, top_share
from penchant.training.parameters.sets import gradients
from penchant.training.parameters.strategy import Start


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.95, 1.0])
def test_the_mask_is_that_of_a_sort(share: float, dtype: torch.dtype) -> None:
    draw = partial(torch.randn, generator=torch.Generator().manual_seed(0))
    # Small numbers, large ones, zeros and ties.
    scores = {"a": draw(7, 11).abs(), "b": draw(40).abs() * 1e-30, "c": torch.zeros(9), "d": torch.full((8,), 0.5)}
    scores = {name: each.to(dtype) for name, each in scores.items()}
    mask = top_share(scores, share)
    flat = torch.cat([each.flatten() for each in scores.values()]).double()
    kept = torch.cat([each.flatten() for each in mask.values()])
    assert int(kept.sum()) == int(len(flat) * share)
    best = flat.sort(descending=True).values[: int(kept.sum())]
    assert torch.equal(flat[kept].sort(descending=True).values, best)


def test_scaling_the_forget_gradient_keeps_the_mask_and_a_large_curvature_is_snip() -> None:
    draw = partial(torch.randn, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights, forget, retain = draw(), draw(), draw()
    found = attribution(weights, forget, retain, 0.1)
    assert torch.allclose(attribution(weights, -3 * forget, retain, 0.1), 3 * found)
    assert torch.equal(
        top_share({"w": attribution(weights, -3 * forget, retain, 0.1)}, 0.3)["w"], top_share({"w": found}, 0.3)["w"]
    )
    assert torch.allclose(attribution(weights, forget, retain, 1e12), (weights * forget).abs())


def test_gradients_are_sums_over_batches_of_mean_likelihoods() -> None:
    model = tiny_model("llama")
    rows = [TokenSequence([1, 5, 6], [7, 8, 2]), TokenSequence([1, 9], [7, 2]), TokenSequence([1, 4], [10, 11, 12, 2])]
    examples = [Example({"forget": [row], "retain": [rows[0]]}, {}, 1.0, Source()) for row in rows]
    scorer = CausalScorer(model)
    start = Start(scorer, Supply.of(examples), build("grad-diff"), 2, 2, nullcontext, 0)
    found = gradients(start, "forget")
    scorer.close()
    for batch in (rows[:2], rows[2:]):
        total = sum(len(row.response) for row in batch)
        for row in batch:
            ids = torch.tensor([[*row.prompt, *row.response]])
            logps = model(ids).logits.log_softmax(-1)[0, len(row.prompt) - 1 : -1]
            (-logps.gather(-1, torch.tensor(row.response)[:, None]).sum() / total).backward()
    for name, weight in model.named_parameters():
        assert torch.allclose(found[name], weight.grad, atol=1e-6), name
