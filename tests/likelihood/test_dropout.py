"""Dropout is disabled while a model is scored, also in training mode, and restored afterwards."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from families import tiny_model
from forest.trees import random_trees
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer
from penchant.likelihood.dropout import without_dropout


class Layer(nn.Module):
    """A module with dropout rates in every attribute that models use."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.ModuleList([nn.Dropout(0.5), nn.Dropout1d(0.25), nn.AlphaDropout(0.1), nn.Dropout(0.0)])
        self.attention_dropout, self.layerdrop, self.router_jitter_noise = 0.2, 0.3, 0.01
        self.scaling, self.dropout_name = 0.5, "uniform"


def rates(layer: Layer) -> list[float]:
    inner = [each.p for each in layer.inner]  # type: ignore[union-attr]
    return [*inner, layer.attention_dropout, layer.layerdrop, layer.router_jitter_noise]  # type: ignore[list-item]


@pytest.mark.parametrize("training", [True, False])
def test_every_rate_is_zero_until_restored(training: bool) -> None:
    layer = Layer().train(training)
    former = rates(layer)
    restore = without_dropout(layer)
    assert rates(layer) == [0.0] * 7
    assert layer.training is training
    assert (layer.scaling, layer.dropout_name) == (0.5, "uniform")
    restore()
    assert rates(layer) == former


def test_a_model_in_training_mode_scores_as_in_evaluation_mode() -> None:
    model = tiny_model("gpt2")
    forest = build_forest(*random_trees(0))
    ids = torch.arange(3, 30)[None]
    model.train()
    assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
    scorer = CausalScorer(model)
    with torch.no_grad():
        trained = scorer.score(forest)["logps"]
        assert torch.equal(trained, scorer.score(forest)["logps"])
        model.eval()
        assert torch.equal(trained, scorer.score(forest)["logps"])
    scorer.close()
    model.train()
    assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
