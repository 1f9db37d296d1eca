"""A constant prefix is read once, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.generation import generate
from penchant.generation.prefix import PrefixCache
from small_runs import word_tokenizer

PREFIX = [1, 10, 11, 12, 13, 14, 15]
PROMPTS = [[*PREFIX, 20], [*PREFIX, 7, 8, 9], [*PREFIX, 5, 6]]


def sampled(model: torch.nn.Module, **changed: Any) -> list[list[list[int]]]:
    return generate(model, word_tokenizer(), PROMPTS, max_new_tokens=6, stop_token_ids=[2], temperature=0.0, **changed)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3", "mistral-sliding", "bloom", "mamba"])
def test_responses_are_those_of_whole_prompts(family: str, samples: int) -> None:
    model = tiny_model(family)
    prefix = PrefixCache(model, PREFIX)
    assert prefix.usable == (family in ("llama", "gpt2", "bloom"))
    assert sampled(model, prefix=prefix, samples=samples) == sampled(model, samples=samples)


def test_the_prefix_is_not_read_again_and_stays_as_it_is() -> None:
    model, shapes = tiny_model("llama"), []
    prefix = PrefixCache(model, PREFIX)
    hook = model.register_forward_pre_hook(
        lambda module, arguments, keywords: shapes.append(tuple(keywords["input_ids"].shape)), with_kwargs=True
    )
    first = sampled(model, prefix=prefix)
    hook.remove()
    assert shapes[0] == (3, 2) and all(shape == (3, 1) for shape in shapes[1:])
    assert sampled(model, prefix=prefix) == first
    assert prefix.lead(model, [PREFIX]) is None, "nothing would be left to read"
    assert prefix.lead(model, [[9, *PREFIX, 3]]) is None, "another beginning"


def test_a_text_ends_a_response() -> None:
    model = tiny_model("llama")
    [[whole]] = generate(model, word_tokenizer(), PROMPTS[:1], max_new_tokens=6, stop_token_ids=[2], temperature=0.0)
    word = word_tokenizer().decode(whole[2:3])
    options = {"max_new_tokens": 6, "stop_token_ids": [2], "temperature": 0.0, "stop_strings": [word]}
    [[cut]] = generate(model, word_tokenizer(), PROMPTS[:1], **options)
    assert cut == whole[: [word_tokenizer().decode([each]) for each in whole].index(word) + 1]
