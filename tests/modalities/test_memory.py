"""The memory of a run follows from sizes: what is trained, what is kept, what is shared."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from penchant.forest.build import build_forest
from penchant.forest.layout import TokenSequence
from penchant.likelihood.causal import CausalScorer
from penchant.modalities.memory import Memory, ModelSize, memory_of, optimizer_bytes
from penchant.training import make_recipe


def model(hidden: int = 64, layers: int = 3, inner: int = 160, heads: int = 4) -> Any:
    config = LlamaConfig(
        vocab_size=96,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def of(size: ModelSize, tokens: int = 512, cpu: bool = False, processes: int = 1, **keys: Any) -> Memory:
    recipe = make_recipe({"model": "m", "data": "d", **keys})
    kept = recipe.reference != "cached" and recipe.lora is None
    return memory_of(size, recipe, tokens, reference=kept, cpu=cpu, processes=processes)


def saved_by_forward(policy: Any, sequences: list[TokenSequence]) -> tuple[int, int]:
    """Bytes that forward keeps for backward, without weights, and the tokens of the forest."""
    scorer = CausalScorer(policy)
    forest = build_forest(sequences, [number // 2 for number in range(len(sequences))])
    weights = {each.untyped_storage().data_ptr() for each in policy.parameters()}
    found: dict[int, int] = {}
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in weights:
            found[place] = tensor.untyped_storage().nbytes()
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        scorer.score(forest)
    return sum(found.values()), forest.tokens


@pytest.mark.parametrize(
    ("hidden", "layers", "inner", "prompt"), [(64, 3, 160, 40), (128, 2, 512, 40), (96, 4, 256, 120), (64, 3, 160, 10)]
)
def test_the_activations_are_what_forward_keeps(hidden: int, layers: int, inner: int, prompt: int) -> None:
    policy = model(hidden, layers, inner)
    sequences = [
        TokenSequence([number % 90 + 3] * prompt, [side + 3 + step % 60 for step in range(30)])
        for number in range(4)
        for side in (0, 1)
    ]
    saved, tokens = saved_by_forward(policy, sequences)
    planned = of(ModelSize.of(policy), tokens)
    logits = sum(len(each.response) for each in sequences) * 96 * 4
    assert planned.activations == pytest.approx(saved - logits, rel=0.15)


def test_checkpointed_layers_are_not_there_while_the_logits_are() -> None:
    for cpu in (False, True):
        few, many = (
            of(ModelSize(10**6, 64, 4, 160, 64, 64, vocabulary), cpu=cpu, gradient_checkpointing=True)
            for vocabulary in (96, 60_000)
        )
        kept = few.weights + few.gradients + few.optimizer + few.reference
        assert few.total == kept + few.activations and many.activations == few.activations
        assert many.total == kept + many.at_logits + many.logits > few.total
        whole = of(ModelSize(10**6, 64, 4, 160, 64, 64, 60_000), cpu=cpu)
        assert whole.total == kept + whole.activations + whole.logits
        assert "at_logits" not in whole.parts


def test_sizes_are_read_from_a_model_without_weights() -> None:
    with torch.device("meta"):
        empty = model()
    assert ModelSize.of(empty) == ModelSize.of(model())


def test_all_weights_take_weights_gradients_two_moments_and_a_reference() -> None:
    policy = model()
    size = ModelSize.of(policy)
    weights = sum(each.numel() * each.element_size() for each in policy.parameters())
    found = of(size)
    assert (found.weights, found.gradients, found.optimizer, found.reference) == (
        weights,
        weights,
        2 * weights,
        weights,
    )
    moments = torch.optim.AdamW(policy.parameters())
    for each in policy.parameters():
        each.grad = torch.zeros_like(each)
    moments.step()
    state = [value for each in moments.state.values() for value in each.values() if value.dim()]
    assert sum(value.numel() * value.element_size() for value in state) == found.optimizer


def test_an_adapter_takes_what_peft_makes() -> None:
    size = ModelSize.of(model())
    adapted = get_peft_model(model(), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    trained = sum(each.numel() for each in adapted.parameters() if each.requires_grad)
    found = of(size, lora={"rank": 4})
    assert found.gradients == 4 * trained and found.optimizer == 8 * trained and found.reference == 0
    assert found.weights == 4 * (size.parameters + trained)


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        ({"reference": "cached"}, "reference"),
        ({"optimizer": "adamw_bnb_8bit"}, "optimizer"),
        ({"gradient_checkpointing": True}, "activations"),
        ({"lora": True}, "gradients"),
    ],
    ids=str,
)
def test_what_saves_memory_saves_it_where_it_should(keys: dict[str, Any], part: str) -> None:
    size = ModelSize.of(model(layers=6))
    less, more = of(size, **keys), of(size)
    assert getattr(less, part) < 0.5 * getattr(more, part) and less.total < more.total


def test_sharding_divides_what_is_kept_and_no_activations() -> None:
    size = ModelSize.of(model())
    one, four = of(size), of(size, processes=4)
    for part in ("weights", "gradients", "optimizer", "reference"):
        assert getattr(four, part) == getattr(one, part) / 4
    assert four.activations == one.activations and four.copies > one.copies


def test_measuring_and_training_are_not_added() -> None:
    recipe = make_recipe({"model": "m", "data": "d"})
    size = ModelSize.of(model())
    found = memory_of(size, recipe, 8, reference=False, cpu=False, measured=100_000)
    assert found.measuring > found.activations + found.logits
    assert found.total == found.weights + found.gradients + found.optimizer + found.measuring
    assert found.measuring == memory_of(size, recipe, 8, reference=False, cpu=False, measured=8192).measuring


@pytest.mark.parametrize(
    ("name", "bytes_"), [("adamw_torch", 8), ("paged_adamw_8bit", 2), ("lion_32bit", 4), ("sgd", 0)]
)
def test_the_state_of_optimizers(name: str, bytes_: float) -> None:
    assert optimizer_bytes(name) == bytes_
