"""What can only be checked on a GPU: compiled FlexAttention, forward and backward, and bfloat16 training."""

from __future__ import annotations

import pytest
import torch

from families import FAMILIES
from forest.trees import random_trees
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer
from penchant.likelihood.inside.gradient_norms import gradient_norms

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def wide_model(name: str) -> torch.nn.Module:
    """A family with heads of 32 numbers: FlexAttention's kernels take none below 16."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    config = FAMILIES[name]()
    config.hidden_size, config.head_dim = 128, 32
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).cuda().eval()


@pytest.mark.parametrize("name", ["llama", "qwen2", "mistral-sliding", "gpt-neox", "olmo"])
@pytest.mark.parametrize("seed", range(2))
def test_compiled_flex_attention_gives_the_numbers_and_gradients_of_the_dense_mask(name: str, seed: int) -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    model = wide_model(name)
    sequences, groups = random_trees(seed)
    forest = build_forest(sequences, groups).to("cuda")
    results, gradients = [], []
    for attention in ("dense", "flex"):
        model.zero_grad()
        scorer = CausalScorer(model, attention)
        logps = scorer.score(forest)["logps"]
        logps.sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        results.append(logps.detach())
        scorer.close()
    assert torch.allclose(results[0], results[1], atol=1e-3)
    for dense, flex in zip(*gradients, strict=True):
        assert torch.allclose(dense, flex, atol=1e-2 * max(1.0, dense.abs().max().item()))


@pytest.mark.parametrize("attention", ["dense", "flex"])
def test_a_graph_can_be_gone_through_more_than_once(attention: str) -> None:
    scorer = CausalScorer(wide_model("llama"), attention)
    sequences, groups = random_trees(0)
    forest = build_forest(sequences, groups).to("cuda")
    logps = forest.per_response(scorer.score(forest)["logps"]).sum(-1)
    norms = gradient_norms(logps, scorer.model.parameters())
    again = gradient_norms(logps, scorer.model.parameters())
    logps.sum().backward()
    assert torch.isfinite(norms).all() and torch.allclose(norms, again, rtol=1e-3)
    scorer.close()


def test_flex_is_what_a_gpu_chooses_by_itself() -> None:
    assert CausalScorer(wide_model("llama")).attention == "flex"


def test_bfloat16_forward_with_float32_masters_is_close_to_float32() -> None:
    scorer = CausalScorer(wide_model("llama"))
    forest = build_forest(*random_trees(0)).to("cuda")
    reference = scorer.reference("initial", precision="bfloat16")
    exact = scorer.score(forest)["logps"]
    exact.sum().backward()
    gradients = {name: p.grad.clone() for name, p in scorer.model.named_parameters() if p.grad is not None}
    scorer.model.zero_grad()
    with torch.autocast("cuda", dtype=torch.bfloat16):
        rounded = scorer.score(forest)["logps"]
        assert torch.equal(rounded.detach(), reference.score(forest).logps)
    rounded.sum().backward()
    assert torch.allclose(exact, rounded, atol=5e-2)
    for name, weight in scorer.model.named_parameters():
        assert weight.dtype == torch.float32
        if name in gradients:
            assert weight.grad is not None and weight.grad.dtype == torch.float32
            assert torch.allclose(
                gradients[name], weight.grad, atol=5e-2 * max(1.0, gradients[name].abs().max().item())
            )
    reference.close()
    scorer.close()


def test_batches_of_new_lengths_compile_nothing_anew() -> None:
    from torch._dynamo.utils import counters

    scorer = CausalScorer(wide_model("llama"), "flex")
    for seed in range(3):  # the first batches teach the compiler which sizes vary
        scorer.score(build_forest(*random_trees(seed)).to("cuda"))["logps"].sum().backward()
    before = counters["stats"]["unique_graphs"]
    for seed in range(3, 11):
        scorer.score(build_forest(*random_trees(seed)).to("cuda"))["logps"].sum().backward()
    assert counters["stats"]["unique_graphs"] == before
    scorer.close()
