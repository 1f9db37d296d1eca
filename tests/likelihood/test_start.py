"""The start of training is kept exactly, whatever kind of adapter is trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from families import VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.errors import TrainingError
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer, build_reference
from penchant.likelihood.start import StartingState, inert_weights

SEQUENCES, OWNERS = random_trees(1, VOCABULARY)
TRAINED: dict[str, dict[str, Any]] = {
    "lora": {"init_lora_weights": False},
    "dora": {"init_lora_weights": False, "use_dora": True},
    "fresh dora": {"use_dora": True},
    "biases": {"bias": "all"},
    "pissa": {"init_lora_weights": "pissa"},
    "tokens": {"trainable_token_indices": [3, 4]},
    "rslora": {"init_lora_weights": False, "use_rslora": True},
    "head": {"init_lora_weights": False, "target_modules": ["q_proj", "lm_head"]},
    "whole head": {"init_lora_weights": False, "modules_to_save": ["lm_head"]},
    "embedding": {"init_lora_weights": False, "target_modules": ["embed_tokens", "v_proj"]},
}
FRESH: dict[str, dict[str, Any]] = {
    "lora": {},
    "whole head": {"modules_to_save": ["lm_head"]},
    "head": {"target_modules": ["q_proj", "lm_head"]},
    "embedding": {"target_modules": ["embed_tokens", "v_proj"]},
}


def adapted(name: str = "qwen2", **options: Any) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    settings = {"r": 2, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", **options}
    return get_peft_model(tiny_model(name), LoraConfig(**settings))  # type: ignore[arg-type]


def move(model: nn.Module) -> None:
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)) * 0.3)


def scores(scorer: CausalScorer) -> Tensor:
    with torch.no_grad():
        return scorer.score(build_forest(SEQUENCES, OWNERS))["logps"]


@pytest.mark.parametrize("options", TRAINED.values(), ids=TRAINED)
@pytest.mark.parametrize("kind", ["initial", "cached"])
def test_the_reference_is_the_state_at_the_start(kind: str, options: dict[str, Any], tmp_path: Any) -> None:
    scorer = CausalScorer(adapted(**options))
    start = scores(scorer)
    reference = build_reference(kind, scorer, tmp_path)
    reference.prepare(SEQUENCES)
    move(scorer.model)
    trained = scores(scorer)
    forest = build_forest(SEQUENCES, OWNERS)
    torch.testing.assert_close(reference.score(forest).logps, start, atol=0 if kind == "initial" else 1e-5, rtol=0)
    assert torch.equal(scores(scorer), trained), "and the trained weights are back"
    assert (trained - start).abs().max() > 1e-3
    reference.close()


@pytest.mark.parametrize("options", FRESH.values(), ids=FRESH)
def test_a_fresh_adapter_is_switched_off(options: dict[str, Any]) -> None:
    model = adapted(**options)
    assert StartingState(model).switched_off
    assert inert_weights(model)
    move(model)
    assert not inert_weights(model) and not StartingState(model).switched_off


def test_a_trained_adapter_keeps_the_state_at_the_start_through_an_error() -> None:
    model = adapted(init_lora_weights=False)
    at_start = StartingState(model)
    move(model)
    trained = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ZeroDivisionError), at_start():
        raise ZeroDivisionError
    assert all(torch.equal(value, trained[name]) for name, value in model.state_dict().items())


def test_the_gradient_is_that_of_the_trained_weights() -> None:
    """The reference is evaluated between the forward pass of the policy and its backward pass."""
    scorer = CausalScorer(adapted(init_lora_weights=False))
    reference = build_reference("initial", scorer)
    move(scorer.model)
    forest = build_forest(SEQUENCES, OWNERS)

    def gradient(between: bool) -> list[Tensor]:
        scorer.model.zero_grad()
        total = scorer.score(forest)["logps"].sum()
        if between:
            reference.score(forest)
        total.backward()
        return [weight.grad.clone() for weight in scorer.model.parameters() if weight.grad is not None]

    for alone, disturbed in zip(gradient(False), gradient(True), strict=True):
        assert torch.equal(alone, disturbed) and bool(alone.any())


def test_weights_that_were_split_between_devices_are_named() -> None:
    model = adapted(init_lora_weights=False)
    at_start = StartingState(model)
    name, weight = next((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)
    weight.data = weight.data[:1]
    with pytest.raises(TrainingError, match=rf"{name}.*split between devices.*merge_first"), at_start():
        pytest.fail("the state at the start was not there")
