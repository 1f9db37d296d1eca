"""A model beside another: at the ends of the mixture each is itself, between them the logits are mixed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from penchant.generation.beside import Beside
from penchant.generation.engine import generate
from small_runs import model_folder

PROMPTS = [[5, 6, 7, 8], [9, 4], [3, 11, 6]]


def drawn(model: Any, tokenizer: Any, beside: Beside | None, samples: int = 1) -> list[list[list[int]]]:
    guide = None if beside is None else beside.guide(PROMPTS, samples)
    return generate(
        model, tokenizer, PROMPTS, samples=samples, max_new_tokens=7, temperature=0.0, stop_token_ids=[], guide=guide
    )


def test_greedy_decoding_of_a_mixture_is_that_of_its_logits(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    policy, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    other = copy.deepcopy(policy)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    own, apart = drawn(policy, tokenizer, None), drawn(other, tokenizer, None)
    assert own != apart
    assert drawn(policy, tokenizer, Beside(other, 0.0)) == own
    assert drawn(policy, tokenizer, Beside(other, 1.0)) == apart
    assert drawn(policy, tokenizer, Beside(other, 1.0), samples=2) == [each * 2 for each in apart]
    # Half of each, against the logits of both models computed anew at every step.
    for prompt, [found] in zip(PROMPTS, drawn(policy, tokenizer, Beside(other, 0.5)), strict=True):
        ids = list(prompt)
        for token in found:
            with torch.no_grad():
                both = [model(torch.tensor([ids])).logits[0, -1].log_softmax(-1) for model in (policy, other)]
            assert token == int((both[0] / 2 + both[1] / 2).argmax())
            ids.append(token)
