"""The auxiliary loss of a mixture of experts is that of transformers, and shared prompts count once."""

from __future__ import annotations

import pytest
import torch

from families import tiny_model
from penchant.forest import TokenSequence, build_forest
from penchant.likelihood import CausalScorer
from penchant.likelihood.inside.router import router_of


@pytest.mark.parametrize("attention", ["segments", "sequences"])
def test_it_is_the_loss_that_transformers_computes(attention: str) -> None:
    model = tiny_model("mixtral")
    ids = [5, 9, 23, 41, 7, 30]
    own = model(input_ids=torch.tensor([ids]), output_router_logits=True).aux_loss
    scorer = CausalScorer(model, attention)
    scorer.router = router_of(scorer.core, True)
    scorer.score(build_forest([TokenSequence(ids[:3], ids[3:])], [0]))
    assert scorer.aux_loss is not None and scorer.aux_coefficient == model.config.router_aux_loss_coef
    assert scorer.aux_loss.item() == pytest.approx(own.item(), rel=1e-5)
    scorer.aux_loss.backward()
    assert model.model.layers[0].mlp.gate.weight.grad.abs().max() > 0
    with torch.no_grad():
        scorer.score(build_forest([TokenSequence(ids[:3], ids[3:])], [0]))
    assert scorer.aux_loss is None
    scorer.close()


def test_a_key_switches_it_off_or_sets_its_coefficient() -> None:
    model = tiny_model("mixtral")
    assert router_of(model, False) is None and router_of(model, 0.0) is None
    router = router_of(model, 0.5)
    assert router is not None and router.coefficient == 0.5
    assert router_of(tiny_model("llama"), True) is None
