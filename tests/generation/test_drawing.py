"""`draw_tokens` and `Draw`: tokens are drawn as often as their probabilities say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, Lfm2Config, Lfm2ForCausalLM, LogitsProcessor

from families import tiny_model
from generation.test_engine import PROMPTS, plainly, responses
from penchant.errors import ModelError
from penchant.generation import generate
from penchant.generation.drawing import Draw, draw_tokens, nucleus
from penchant.generation.trace import Trace
from small_runs import word_tokenizer


@given(st.integers(1, 700), st.integers(0, 10_000))
def test_a_point_finds_the_token_whose_share_of_the_mass_holds_it(size: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    chances = torch.rand(size, generator=generator, dtype=torch.float64)
    chances[torch.rand(size, generator=generator) < 0.5] = 0.0
    chances[int(torch.randint(size, (), generator=generator))] = 1.0
    edges = torch.cat([torch.zeros(1), chances.cumsum(0)]) / chances.sum()
    for token in chances.nonzero().flatten().tolist():
        middle = (edges[token] + edges[token + 1]) / 2
        assert int(draw_tokens(chances[None], middle[None])) == token


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=600).filter(lambda each: sum(each) > 0))
def test_tokens_without_mass_are_never_drawn(masses: list[float]) -> None:
    chances = torch.tensor([masses]).repeat(4, 1)
    points = torch.tensor([0.0, 0.5, 1 - 2**-53, 1 - 1e-12], dtype=torch.float64)
    assert bool((chances[torch.arange(4), draw_tokens(chances, points)] > 0).all())


def test_a_token_that_is_a_billion_times_less_likely_has_its_share() -> None:
    chances = torch.cat([torch.ones(1), torch.full((1000,), 1e-9)])[None]
    points = torch.tensor([1 - 0.5e-9 / (1 + 1e-6)], dtype=torch.float64)
    assert int(draw_tokens(chances, points)) == 1000


@pytest.mark.parametrize("row", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_logits_that_are_not_numbers_are_said(row: list[float]) -> None:
    with pytest.raises(ModelError, match="not numbers"):
        draw_tokens(torch.tensor([[0.5, 0.5], row]), torch.tensor([0.1, 0.1]))


def test_nucleus_keeps_the_likeliest_tokens_that_have_the_mass() -> None:
    chances = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.7, 0.1, 0.1, 0.1]])
    assert (nucleus(chances, 0.69) > 0).tolist() == [[False, True, False, True], [True, False, False, False]]
    assert nucleus(chances, 1.0) is chances


def test_draws_have_the_distribution_at_their_temperature() -> None:
    scores = torch.randn(1, 40, generator=torch.Generator().manual_seed(1)).repeat(20_000, 1)
    draw = Draw(3, [0], samples=20_000, tokens=1, temperature=0.7, top_p=1.0)
    drawn = draw(torch.zeros(20_000, 1), scores).argmax(-1)
    shares = torch.bincount(drawn, minlength=40) / 20_000
    assert float((shares - (scores[0] / 0.7).softmax(-1)).abs().max()) < 0.015  # four standard errors


def test_the_batch_in_which_a_prompt_stands_changes_nothing() -> None:
    model = tiny_model("llama")
    alone = responses(model, samples=3, seed=4, batch_size=3)
    assert alone == responses(model, samples=3, seed=4, batch_size=100)
    assert len(alone) == len(PROMPTS) and alone[0][0] != alone[0][1]


class Nothing(LogitsProcessor):
    """A guide that changes nothing; with a guide, transformers' own loop writes the responses."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return scores


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_rows_that_have_ended_are_left_out_and_the_others_are_as_in_generate(family: str, temperature: float) -> None:
    model = tiny_model(family)
    given = {"samples": 6, "temperature": temperature, "stop_token_ids": list(range(2, 12)), "max_new_tokens": 30}
    traces = [Trace(4, temperature) for _ in range(2)] if temperature else [None, None]
    ours = responses(model, **given, trace=traces[0])
    theirs = responses(model, **given, guide=lambda places: [Nothing()], trace=traces[1])
    assert ours == theirs
    if traces[0] is not None and traces[1] is not None:
        assert traces[0].logps.keys() == traces[1].logps.keys() and len(traces[0].logps) == 4
        for key, found in traces[0].logps.items():
            assert found == pytest.approx(traces[1].logps[key], abs=1e-4)
            assert len(found) == len(ours[key[0]][key[1]])


def test_rows_that_have_ended_cost_nothing_more() -> None:
    model, sizes = tiny_model("llama"), list[int]()

    def seen(module: torch.nn.Module, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        sizes.append(kwargs["input_ids"].numel())

    model.register_forward_pre_hook(seen, with_kwargs=True)
    found = responses(model, samples=8, stop_token_ids=list(range(2, 12)), max_new_tokens=30)
    written = sum(len(each) for several in found for each in several)
    longest = max(len(each) for several in found for each in several)
    read = sum(sizes[1:])  # the first reads the prompts
    assert written - 32 <= read < 0.6 * 32 * (longest - 1)


def test_a_text_ends_a_row_that_is_left_out() -> None:
    model, tokenizer = tiny_model("llama"), word_tokenizer()
    whole = generate(model, tokenizer, PROMPTS, samples=4, max_new_tokens=20, stop_token_ids=[2])
    stop = tokenizer.decode(whole[0][0][5:6])
    cut = generate(model, tokenizer, PROMPTS, samples=4, max_new_tokens=20, stop_token_ids=[2], stop_strings=[stop])
    for one, other in zip((e for r in whole for e in r), (e for r in cut for e in r), strict=True):
        ends = [at + 1 for at in range(len(one)) if stop in tokenizer.decode(one[: at + 1])]
        assert other == one[: ends[0] if ends else len(one)]


@pytest.mark.parametrize("kind", ["convolutions", "sliding windows"])
@pytest.mark.parametrize("samples", [1, 3])
def test_models_with_other_layers_write_what_plain_evaluation_does(kind: str, samples: int) -> None:
    sizes: dict[str, Any] = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    torch.manual_seed(0)
    model: torch.nn.Module
    if kind == "convolutions":
        layers = ["conv", "full_attention", "conv"]
        model = Lfm2ForCausalLM(Lfm2Config(**sizes, num_hidden_layers=3, num_key_value_heads=2, layer_types=layers))
    else:
        layers = ["sliding_attention", "full_attention"]
        narrow = {"sliding_window": 6, "layer_types": layers, "head_dim": 8, "num_key_value_heads": 2}
        model = Gemma3ForCausalLM(Gemma3TextConfig(**sizes, num_hidden_layers=2, **narrow))
    expected = [[plainly(model.eval(), prompt, 12, {2, 5})] * samples for prompt in PROMPTS]
    assert responses(model, temperature=0.0, samples=samples, stop_token_ids=[2, 5]) == expected
