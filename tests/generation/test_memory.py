"""A memory of what was read and written: the same tokens with the same probabilities, and nothing is read twice."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from families import tiny_model
from penchant.generation import generate
from penchant.generation.memory import Memory, Stretch
from penchant.generation.runs import Run, agreeing, keeps_nothing
from penchant.generation.trace import Trace
from small_runs import word_tokenizer

PROMPTS = [[1, 10, 11, 12, 13, 14, 15], [1, 20], [1, 10, 11, 9]]
FAMILIES = ["llama", "gpt2", "qwen3", "bloom", "gemma3", "mistral-sliding", "mamba"]


def three_calls(model: torch.nn.Module, memory: Memory | None, samples: int = 2) -> list[Any]:
    """Each call goes on from what the one before it read and wrote; tokens and their log-probabilities."""
    prompts, found = PROMPTS, []
    for seed in range(3):
        trace = Trace(64, temperature=0.8)
        options: dict[str, Any] = {"max_new_tokens": 5, "stop_token_ids": [2], "temperature": 0.8, "seed": seed}
        written = generate(model, word_tokenizer(), prompts, samples=samples, memory=memory, trace=trace, **options)
        found.append((written, trace.logps))
        prompts = [[*prompt, *one[0], 30 + seed, 5] for prompt, one in zip(prompts, written, strict=True)]
    return found


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_and_log_probabilities_are_those_without_it(family: str, samples: int) -> None:
    model = tiny_model(family)
    plain, memory = three_calls(model, None, samples), Memory()
    for (tokens, logps), (expected, others) in zip(three_calls(model, memory, samples), plain, strict=True):
        assert tokens == expected and logps.keys() == others.keys() and logps
        assert all(logps[each] == pytest.approx(others[each], abs=1e-5) for each in logps)
    assert (memory.tally.saved > 0) == (not keeps_nothing(model))
    assert bool(keeps_nothing(model)) == (family in ("gemma3", "mistral-sliding", "mamba"))


def read_by(model: torch.nn.Module) -> tuple[list[int], Any]:
    """A list that takes the number of tokens of every forward pass, padding left out, and its hook."""
    counts: list[int] = []

    def count(module: Any, arguments: Any, keywords: Any) -> None:
        ids = keywords["input_ids"]
        mask = keywords.get("attention_mask")  # left out where nothing is padded
        counts.append(ids.numel() if mask is None else int(mask[:, -ids.shape[1] :].sum()))

    return counts, model.register_forward_pre_hook(count, with_kwargs=True)


@pytest.mark.parametrize("kept", [True, False])
def test_every_token_is_read_once(kept: bool) -> None:
    model, memory = tiny_model("llama"), Memory(kept)
    counts, hook = read_by(model)
    prompt, texts = [1, 10, 11, 12, 13, 14, 15], set[tuple[int, ...]]()
    lengths = 0
    for seed in range(4):
        options: dict[str, Any] = {"max_new_tokens": 5, "stop_token_ids": [2], "seed": seed}
        [[written]] = generate(model, word_tokenizer(), [prompt], memory=memory, **options)
        whole = [*prompt, *written[:-1]]
        lengths += len(whole)
        texts |= {tuple(whole[: place + 1]) for place in range(len(whole))}
        prompt = [*prompt, *written, 20]
    hook.remove()
    assert sum(counts) == memory.tally.read == (len(texts) if kept else lengths)
    assert memory.tally.read + memory.tally.saved == lengths and len(texts) < lengths / 2


def test_what_only_begins_alike_is_kept_up_to_there() -> None:
    model, memory = tiny_model("llama").eval(), Memory()
    options: dict[str, Any] = {"max_new_tokens": 1, "stop_token_ids": [2], "temperature": 0.0, "memory": memory}
    generate(model, word_tokenizer(), [[1, 5, 6, 7, 8, 9]], **options)
    lead = memory.lead(model, [[1, 5, 6, 20, 21], [1, 5, 6, 7, 8, 9], [30, 5]])
    assert lead is not None and lead.lengths == (3, 5, 0), "the last token is always read, for what follows it"
    assert lead.ids.tolist() == [[0, 0, 1, 5, 6], [1, 5, 6, 7, 8], [0] * 5]
    assert lead.mask.tolist() == [[0, 0, 1, 1, 1], [1] * 5, [0] * 5]
    assert memory.lead(model, [[30, 5]]) is None
    assert memory.lead(tiny_model("llama", seed=1), [[1, 5, 6, 20]]) is None, "another model has read nothing"


TEXTS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=12)


@given(TEXTS, st.lists(st.integers(0, 2), max_size=10))
def test_the_longest_known_beginning_is_found(texts: list[list[int]], asked: list[int]) -> None:
    root = Stretch()
    for ids in texts:
        known = sum(run.length for run in root.known(ids))
        numbers = torch.tensor(ids, dtype=torch.float32).view(1, -1, 1)[:, known:]
        root.add(ids, Run(len(ids) - known, ((numbers, numbers + 10),)), known)
    found = root.known(asked)
    longest = max(agreeing(each, asked) for each in texts)
    assert sum(run.length for run in found) == longest
    keys = [value for run in found for value in run.layers[0][0].flatten().tolist()]
    assert keys == asked[:longest] and all(run.length == run.layers[0][1].shape[1] for run in found)
