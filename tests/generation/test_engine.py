"""Generation: deterministic, independent of padding, and without effect on the model or the global random state."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.errors import ConfigurationError
from penchant.generation import Sampling, build_engine, generate
from penchant.rendering.renderer import Renderer
from small_runs import word_tokenizer

PROMPTS = [[1, 10, 11, 12, 13, 14, 15], [1, 20], [1, 7, 8, 9], [1, 30, 31, 32, 33]]


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return tiny_model("llama")


def responses(model: torch.nn.Module, prompts: list[list[int]] = PROMPTS, **changed: object) -> list[list[list[int]]]:
    options = {"max_new_tokens": 12, "stop_token_ids": [2], **changed}
    return generate(model, word_tokenizer(), prompts, **options)  # type: ignore[arg-type]


def plainly(model: torch.nn.Module, prompt: list[int], count: int, stops: set[int]) -> list[int]:
    """Greedy decoding by evaluating the whole sequence for every token."""
    ids = list(prompt)
    while len(ids) < len(prompt) + count and not (len(ids) > len(prompt) and ids[-1] in stops):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_greedy_responses_are_those_of_plain_evaluation_in_order(family: str, batch_size: int) -> None:
    model = tiny_model(family)
    expected = [plainly(model, prompt, 12, {2, 5}) for prompt in PROMPTS]
    got = responses(model, temperature=0.0, batch_size=batch_size, stop_token_ids=[2, 5])
    assert [each[0] for each in got] == expected


def test_a_response_ends_with_its_first_stop_token(model: torch.nn.Module) -> None:
    greedy = responses(model, temperature=0.0, stop_token_ids=[59])
    stop = greedy[0][0][3]
    for whole, (cut,) in zip(greedy, responses(model, temperature=0.0, stop_token_ids=[59, stop]), strict=True):
        place = whole[0].index(stop) + 1 if stop in whole[0] else len(whole[0])
        assert cut == whole[0][:place]


def test_a_seed_decides_and_the_global_state_stays(model: torch.nn.Module) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = responses(model, samples=3, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert responses(model, samples=3, seed=1) == first
    assert responses(model, samples=3, seed=2) != first
    assert all(len(each) == 3 for each in first)
    assert any(one != other for one, other, _third in first), "samples of a prompt differ"


def test_the_model_keeps_its_mode_and_zero_prompts_give_zero_responses(model: torch.nn.Module) -> None:
    model.train()
    responses(model, temperature=0.0)
    assert model.training
    model.eval()
    assert responses(model, prompts=[]) == []


def test_sampling_follows_the_model(model: torch.nn.Module) -> None:
    with torch.no_grad():
        expected = model(torch.tensor([PROMPTS[1]])).logits[0, -1].softmax(-1)
    draws = responses(model, prompts=[PROMPTS[1]], samples=2000, max_new_tokens=1, batch_size=2000)[0]
    counts = torch.bincount(torch.tensor(draws).flatten(), minlength=len(expected)) / 2000
    # Standard error of a share is at most 0.0112.
    assert (counts - expected).abs().max() < 0.05
    narrow = responses(model, prompts=[PROMPTS[1]], samples=50, max_new_tokens=1, top_p=1e-6)[0]
    assert {token for (token,) in narrow} == {int(expected.argmax())}


def test_options_of_transformers_reach_generation_and_wrong_ones_are_refused() -> None:
    def engine(**options: object) -> Any:
        made = build_engine({"options": options}, Renderer(word_tokenizer()))
        made.use(tiny_model("llama"))
        return made

    sampling = Sampling(samples=4, max_new_tokens=6, temperature=1.0)
    narrow = engine(top_k=1).sample(["the car is"], sampling, seed=0)
    greedy = engine().sample(["the car is"], Sampling(samples=4, max_new_tokens=6, temperature=0.0), seed=0)
    assert narrow == greedy, "the most likely token alone"
    with pytest.raises(ConfigurationError, match=r"Did you mean 'min_p'"):
        engine(minp=0.1)
    with pytest.raises(ConfigurationError, match="sampling settings decide it"):
        engine(temperature=0.1)
