"""The three attention backends equal a loop over every token's own context."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from forest.trees import chain, groups, random_trees
from penchant.errors import ConfigurationError
from penchant.forest import Forest, TokenSequence, build_forest
from penchant.forest.attention import AttentionPlan, forest_attention

HEADS, WIDTH = 4, 8
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "window": {"sliding_window": 3},
    "window of one": {"sliding_window": 1},
    "window wider than all": {"sliding_window": 99},
    "softcap": {"softcap": 2.0},
    "sinks": {"s_aux": torch.tensor([0.5, -1.0, 2.0, 0.0])},
    "all": {"sliding_window": 2, "softcap": 3.0, "s_aux": torch.tensor([1.0, 0.0, -2.0, 0.3]), "scaling": 0.7},
}


def states(forest: Forest, key_heads: int = HEADS) -> tuple[Tensor, Tensor, Tensor]:
    """Random queries, keys and values, large enough that a wrong mask shows."""
    generator = torch.Generator().manual_seed(forest.tokens)
    shapes = [(1, heads, forest.tokens, WIDTH) for heads in (HEADS, key_heads, key_heads)]
    query, key, value = (torch.randn(shape, generator=generator) * 1.5 for shape in shapes)
    return query, key, value


def attend(backend: str, forest: Forest, parts: tuple[Tensor, Tensor, Tensor], **options: Any) -> Tensor:
    plan = AttentionPlan(forest, backend)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # flex tells on a CPU that it is not compiled
        return forest_attention(nn.Module(), *parts, None, forest=plan, **options)[0]


def token_by_token(
    forest: Forest,
    parts: tuple[Tensor, Tensor, Tensor],
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    scaling: float = WIDTH**-0.5,
) -> Tensor:
    """The oracle: each token attends to the tokens before it in its sequence, in float64."""
    query, key, value = (part[0].double() for part in parts)
    repeats = HEADS // key.shape[0]
    rows = []
    for place in range(forest.tokens):
        past = chain(forest, place)[-(sliding_window or forest.tokens) :]
        heads = []
        for head in range(HEADS):
            scores = key[head // repeats, past] @ query[head, place] * scaling
            if softcap is not None:
                scores = softcap * torch.tanh(scores / softcap)
            extra = [] if s_aux is None else [s_aux[head].double()[None]]
            weights = torch.softmax(torch.cat([scores, *extra]), dim=0)[: len(past)]
            heads.append(weights @ value[head // repeats, past])
        rows.append(torch.stack(heads))
    return torch.stack(rows)[None].float()


@pytest.mark.parametrize("key_heads", [4, 2, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_segments_dense_and_flex_equal_the_loop(kind: str, key_heads: int) -> None:
    options = KINDS[kind]
    forest = build_forest(*random_trees(key_heads))
    parts = states(forest, key_heads)
    expected = token_by_token(forest, parts, **options)
    backends = ["segments", "dense"] + ([] if "s_aux" in options else ["flex"])
    for backend in backends:
        with torch.no_grad():
            result = attend(backend, forest, parts, **options)
        assert result.shape == expected.shape
        torch.testing.assert_close(result, expected, atol=2e-6, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(groups())
def test_segments_equal_the_loop_on_any_forest(drawn: tuple[list[TokenSequence], list[int]]) -> None:
    forest = build_forest(*drawn)
    parts = states(forest, 2)
    for options in ({}, {"sliding_window": 2}):
        expected = token_by_token(forest, parts, **options)
        torch.testing.assert_close(attend("segments", forest, parts, **options), expected, atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(attend("dense", forest, parts, **options), expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_segments_equal_those_of_dense(kind: str) -> None:
    forest = build_forest(*random_trees(3))
    results = {}
    for backend in ("segments", "dense"):
        parts = tuple(part.requires_grad_() for part in states(forest, 2))
        options = {name: value.clone() if isinstance(value, Tensor) else value for name, value in KINDS[kind].items()}
        learned = [value.requires_grad_() for value in options.values() if isinstance(value, Tensor)]
        result = attend(backend, forest, parts, **options)  # type: ignore[arg-type]
        weights = torch.linspace(-1, 1, result.numel()).view_as(result)
        results[backend] = torch.autograd.grad((result * weights).sum(), [*parts, *learned])
    for ours, plain in zip(results["segments"], results["dense"], strict=True):
        torch.testing.assert_close(ours, plain, atol=2e-6, rtol=1e-5)


def test_a_response_is_blind_to_its_siblings() -> None:
    forest = build_forest([TokenSequence([3, 4], [5, 6]), TokenSequence([3, 4], [7, 8])])
    query, key, value = states(forest)
    sibling = forest.response_index[1]
    changed = value.clone()
    changed[:, :, sibling] += 10.0
    for backend in ("segments", "dense"):
        before, after = (attend(backend, forest, (query, key, each)) for each in (value, changed))
        alike = (before == after).all(-1).all(-1)[0]
        assert alike.tolist() == [place not in sibling.tolist() for place in range(forest.tokens)]


@pytest.mark.parametrize("causal", [True, False])
def test_without_a_forest_it_is_ordinary_attention(causal: bool) -> None:
    layer = nn.Module()
    layer.is_causal, layer.num_key_value_groups = True, 2  # type: ignore[assignment]
    parts = states(build_forest(*random_trees(4)), 2)
    size = parts[0].shape[2]
    mask = None if causal else torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0)) > 0.3
    mask = mask if mask is None else mask | torch.eye(size, dtype=torch.bool)
    ours, _ = forest_attention(layer, *parts, mask, dropout=0.0, scaling=0.4)
    theirs, _ = sdpa_attention_forward(layer, *parts, mask, dropout=0.0, scaling=0.4)
    assert torch.equal(ours, theirs)


def test_masks_are_made_once_for_all_layers() -> None:
    forest = build_forest(*random_trees(5))
    plan = AttentionPlan(forest, "segments")
    for _layer in range(2):
        forest_attention(nn.Module(), *states(forest), None, forest=plan, sliding_window=3)
        made = dict(plan.masks)
    assert made
    assert all(plan.masks[key] is mask for key, mask in made.items())
    assert plan.windows == {3}


def test_flex_refuses_attention_sinks() -> None:
    forest = build_forest(*random_trees(6))
    with pytest.raises(ConfigurationError, match=r"sinks.*attention='dense'"):
        attend("flex", forest, states(forest), s_aux=torch.zeros(HEADS))


def test_an_unknown_way_is_named_with_the_nearest_right_one() -> None:
    forest = build_forest(*random_trees(6))
    with pytest.raises(ConfigurationError, match=r"'segment'.*Did you mean 'segments'"):
        attend("segment", forest, states(forest))


@pytest.mark.parametrize("kind", KINDS)
def test_attention_on_a_cpu_is_computed_in_float32_whatever_the_forward_pass(kind: str) -> None:
    forest = build_forest(*random_trees(7))
    parts = states(forest)
    exact = attend("segments", forest, parts, **KINDS[kind])
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attend("segments", forest, parts, **KINDS[kind]), exact)
    for number in (torch.bfloat16, torch.float16):
        lowered = tuple(part.to(number) for part in parts)
        found = attend("segments", forest, lowered, **KINDS[kind])  # type: ignore[arg-type]
        exact = attend("segments", forest, tuple(part.float() for part in lowered), **KINDS[kind])  # type: ignore[arg-type]
        assert found.dtype == number and torch.equal(found, exact.to(number))
