"""Forest scores equal plain evaluation for every model family, and the model is restored afterwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from families import FALLBACK, FAMILIES, VOCABULARY, tiny_model
from forest.trees import random_trees
from likelihood.plain import plain_logps
from penchant.errors import ConfigurationError, ModelError
from penchant.forest import Forest, TokenSequence, build_forest
from penchant.likelihood import CausalScorer

EVERYONE = [*FAMILIES, *FALLBACK]


@pytest.fixture(scope="module", params=EVERYONE)
def model(request: pytest.FixtureRequest) -> Iterator[tuple[str, nn.Module]]:
    """Each family in turn, with its name."""
    yield request.param, tiny_model(request.param)


def grown(seed: int) -> tuple[Forest, list[TokenSequence]]:
    sequences, owners = random_trees(seed, VOCABULARY)
    return build_forest(sequences, owners), sequences


def weighted_gradients(model: nn.Module, logps: Tensor) -> dict[str, Tensor]:
    """Gradients of a weighted sum with a different weight per token."""
    model.zero_grad()
    weights = torch.randn(len(logps), generator=torch.Generator().manual_seed(len(logps)))
    (logps * weights).sum().backward()
    return {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}


def plainly(model: nn.Module, sequences: list[TokenSequence]) -> Tensor:
    return torch.cat([plain_logps(model, sequence) for sequence in sequences])


def scored(scorer: CausalScorer, forest: Forest) -> Tensor:
    return forest.per_response(scorer.score(forest)["logps"])[forest.mask]


def assert_same_gradients(ours: dict[str, Tensor], plain: dict[str, Tensor], relative: float = 1e-5) -> None:
    largest = max(float(each.abs().max()) for each in plain.values())
    assert ours.keys() == plain.keys()
    for name, expected in plain.items():
        scale = max(float(expected.abs().max()), 1e-2 * largest)  # some are zero but for rounding, as of key biases
        assert float((ours[name] - expected).abs().max()) <= relative * scale, name


@pytest.mark.parametrize("seed", [0, 1])
def test_numbers_and_gradients_equal_plain_evaluation(model: tuple[str, nn.Module], seed: int) -> None:
    name, network = model
    forest, sequences = grown(seed)
    expected = plainly(network, sequences)
    gradients = weighted_gradients(network, expected)
    scorer = CausalScorer(network)
    try:
        assert scorer.attention == ("sequences" if name in FALLBACK else "segments")
        result = scored(scorer, forest)
        assert result.dtype == torch.float32
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)
        assert_same_gradients(weighted_gradients(network, result), gradients)
    finally:
        scorer.close()


@pytest.mark.parametrize("attention", ["dense", "flex", "sequences"])
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_every_attention_gives_the_same_numbers(model: tuple[str, nn.Module], attention: str) -> None:
    name, network = model
    if name in FALLBACK and attention != "sequences":
        with pytest.raises(
            ConfigurationError, match=f"does not support the attention '{attention}'.*attention=sequences"
        ):
            CausalScorer(network, attention)
        return
    forest, sequences = grown(2)
    scorer = CausalScorer(network, attention)
    with torch.no_grad():
        result = scored(scorer, forest)
        scorer.close()
        torch.testing.assert_close(result, plainly(network, sequences), atol=1e-5, rtol=0)


def test_the_fallback_is_logged_once_and_only_if_it_is_taken(
    model: tuple[str, nn.Module], caplog: pytest.LogCaptureFixture
) -> None:
    name, network = model
    with caplog.at_level(logging.WARNING, logger="penchant"):
        scorer = CausalScorer(network)
        with torch.no_grad():
            for seed in (0, 1):
                scorer.score(grown(seed)[0])
        scorer.close()
    told = [record.getMessage() for record in caplog.records if record.name == "penchant"]
    if name in FAMILIES:
        assert told == []
    else:
        (message,) = told
        assert type(network).__name__ in message
        assert "ordinary sequences instead" in message


def test_an_open_scorer_changes_neither_forward_nor_generation(model: tuple[str, nn.Module]) -> None:
    _, network = model
    # Padding on the left: masks and positions count.
    ids = torch.tensor([[0, 0, 0, 7, 8, 9, 4], [5, 6, 7, 8, 9, 10, 11]])
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).long()}

    def behaviour() -> list[Tensor]:
        options = {"max_new_tokens": 6, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
        with torch.no_grad():
            written = network.generate(**inputs, **options)  # type: ignore[operator]
            return [network(**inputs).logits, written.sequences, *written.logits]

    before, attention = behaviour(), network.config._attn_implementation
    scorer = CausalScorer(network)
    opened = behaviour()
    scorer.close()
    for former, during, after in zip(before, opened, behaviour(), strict=True):
        assert torch.equal(former, during)
        assert torch.equal(former, after)
    assert network.config._attn_implementation == attention
    assert "forward" not in vars(network)


def test_closing_gives_a_wanted_attention_and_dropout_back() -> None:
    network = tiny_model("gpt2")
    network.set_attn_implementation("eager")
    rates = [each.p for each in network.modules() if isinstance(each, nn.Dropout)]
    assert any(rates)
    scorer = CausalScorer(network)
    assert not any(each.p for each in network.modules() if isinstance(each, nn.Dropout))
    scorer.close()
    assert [each.p for each in network.modules() if isinstance(each, nn.Dropout)] == rates
    assert network.config._attn_implementation == "eager"
    scorer.open()
    forest, sequences = grown(0)
    with torch.no_grad():
        torch.testing.assert_close(scored(scorer, forest), plainly(network, sequences), atol=1e-5, rtol=0)
    scorer.close()
    assert [each.p for each in network.modules() if isinstance(each, nn.Dropout)] == rates


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma3", "mixtral", "mamba"])
def test_gradient_checkpointing_in_training_mode_gives_the_same_gradients(name: str) -> None:
    network = tiny_model(name)
    forest, sequences = grown(3)
    expected = weighted_gradients(network, plainly(network, sequences))
    scorer = CausalScorer(network)
    network.gradient_checkpointing_enable()
    network.train()
    passes: list[int] = []
    layer = next(each for kind, each in network.named_modules() if kind.endswith((".layers.0", ".h.0")))
    next(layer.children()).register_forward_hook(lambda *_: passes.append(1))
    result = weighted_gradients(network, scored(scorer, forest))
    assert len(passes) == 2, "not recomputed in backward"
    assert_same_gradients(result, expected)


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2"])
def test_with_an_adapter(name: str) -> None:
    from peft import LoraConfig, get_peft_model

    targets = ["c_attn"] if name == "gpt2" else ["q_proj", "v_proj"]
    config = LoraConfig(r=2, target_modules=targets, init_lora_weights=False, lora_dropout=0.3, task_type="CAUSAL_LM")
    network = get_peft_model(tiny_model(name), config).eval()
    forest, sequences = grown(4)
    expected = plainly(network, sequences)
    gradients = weighted_gradients(network, expected)
    assert all("lora_" in parameter for parameter in gradients)
    scorer = CausalScorer(network)
    network.train()
    result = scored(scorer, forest)
    assert scorer.attention == "segments"
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)
    assert_same_gradients(weighted_gradients(network, result), gradients)


@pytest.mark.parametrize("name", ["llama", "gemma3", "mixtral", "mamba"])
def test_in_bfloat16_the_forest_is_as_near_to_the_truth_as_plain_evaluation(name: str) -> None:
    network = tiny_model(name).to(torch.bfloat16)
    forest, sequences = grown(5)
    with torch.no_grad():
        plain = plainly(network, sequences)
        scorer = CausalScorer(network)
        result = scored(scorer, forest)
        scorer.close()
        truth = plainly(network.float(), sequences)
    assert result.dtype == torch.float32
    assert scorer.attention == ("sequences" if name == "mamba" else "segments")
    ours, theirs = (result - truth).abs().mean(), (plain - truth).abs().mean()
    assert 0 < ours <= 1.3 * theirs


def test_calls_go_through_a_wrapper() -> None:
    class Wrapper(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module, self.calls = module, 0

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return self.module(*args, **kwargs)

    network = tiny_model("llama")
    scorer, wrapper = CausalScorer(network), Wrapper(network)
    forest, _ = grown(0)
    with torch.no_grad():
        assert torch.equal(scorer.score(forest, module=wrapper)["logps"], scorer.score(forest)["logps"])
        assert wrapper.calls == 1
        scorer.close()
        assert CausalScorer(wrapper, "segments").core is network


@pytest.mark.parametrize("name", ["PhimoeConfig", "Qwen2MoeConfig"])
def test_a_sliding_window_only_in_the_mask_is_detected(name: str) -> None:
    import transformers

    sizes = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128}
    experts = {"num_local_experts": 2, "num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
    window = {"sliding_window": 24, "use_sliding_window": True, "max_window_layers": 2}
    config = getattr(transformers, name)(**sizes, **heads, **experts, **window)
    network = transformers.AutoModelForCausalLM.from_config(config).eval()
    scorer = CausalScorer(network)
    assert "window" in scorer.reason
    forest = build_forest([TokenSequence(range(10, 50), [5, 6]), TokenSequence(range(10, 50), [7])])
    with torch.no_grad():
        torch.testing.assert_close(scored(scorer, forest), plainly(network, list(forest.sequences)), atol=1e-5, rtol=0)


def test_an_unknown_attention_is_named_with_the_nearest_right_one() -> None:
    network = tiny_model("llama")
    with pytest.raises(ConfigurationError, match=r"'segmnts'.*Did you mean 'segments'"):
        CausalScorer(network, "segmnts")
    assert "forward" not in vars(network)


def test_a_model_without_a_vocabulary_on_top_is_refused() -> None:
    with pytest.raises(ModelError, match=r"LlamaModel has no output layer.*causal language model"):
        CausalScorer(tiny_model("llama").model)
