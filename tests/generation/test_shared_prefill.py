"""All samples of a prompt share one prefill, with unchanged results."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.generation import generate
from small_runs import word_tokenizer

PROMPTS = [[1, 10, 11, 12, 13, 14, 15], [1, 20], [1, 7, 8, 9], [5]]


def sampled(model: torch.nn.Module, **changed: Any) -> list[list[list[int]]]:
    options = {"samples": 4, "max_new_tokens": 6, "stop_token_ids": [2], "temperature": 0.0, **changed}
    return generate(model, word_tokenizer(), PROMPTS, **options)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3", "mistral-sliding", "qwen3", "bloom", "mamba"])
def test_every_sample_is_what_the_prompt_alone_would_give(family: str) -> None:
    model = tiny_model(family)
    alone = sampled(model, samples=1)
    assert sampled(model) == [each * 4 for each in alone]


def test_a_prompt_is_read_once_for_all_its_samples() -> None:
    model, rows = tiny_model("llama"), []

    def count(module: Any, arguments: Any, keywords: Any) -> None:
        rows.append(tuple(keywords["input_ids"].shape))

    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    sampled(model, batch_size=64)
    hook.remove()
    assert rows[0] == (4, 7), "one row a prompt"
    assert all(shape[1] == 1 and shape[0] <= 16 for shape in rows[1:]), "then one token a sample and step"
    assert [shape[0] for shape in rows[1:]] == sorted((shape[0] for shape in rows[1:]), reverse=True)


def test_samples_of_one_prompt_differ_and_are_repeatable() -> None:
    model = tiny_model("llama")
    first, again, other = (sampled(model, temperature=1.0, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert all(len({tuple(each) for each in several}) > 1 for several in first)


def test_an_adapter_around_the_model_changes_nothing() -> None:
    from peft import LoraConfig, get_peft_model

    alone = sampled(tiny_model("llama"))
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    adapted = get_peft_model(tiny_model("llama"), config)  # starts as the model without it
    assert sampled(adapted) == alone
