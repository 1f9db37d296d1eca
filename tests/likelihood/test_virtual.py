"""Virtual tokens before every sequence: the forest, ordinary passes and generation equal PEFT's own plain forward."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from families import FAMILIES, VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.errors import ConfigurationError, ModelError
from penchant.forest import TokenSequence, build_forest
from penchant.forest.virtual_keys import joined_mask
from penchant.generation import generate
from penchant.likelihood import CausalScorer
from penchant.likelihood.adapters import adapter_config_of, add_adapter, load_adapter, merge, save_adapter
from penchant.likelihood.adapting.encoder_files import ENCODER
from penchant.likelihood.adapting.virtual import VirtualTokens, uses_virtual_tokens
from penchant.likelihood.cache import fingerprint

#: PEFT's own forward gives the model its cache by its former name.
pytestmark = pytest.mark.filterwarnings("ignore:`past_key_values` is deprecated")
KINDS: dict[str, dict[str, Any]] = {
    "prefix_tuning": {"num_virtual_tokens": 3},
    "prompt_tuning": {"num_virtual_tokens": 3},
    "p_tuning": {"num_virtual_tokens": 2, "encoder_hidden_size": 8},
    "cartridge": {"num_virtual_tokens": 3},
    "cpt": {"cpt_token_ids": [7, 8, 9]},
}
#: PEFT's own forward of these families is one that its prefix fits.
PLAIN = [name for name in FAMILIES if name not in ("gpt-neox", "mistral-sliding", "gemma2", "gemma3")]


def adapted(name: str, kind: str, **fields: Any) -> tuple[Any, nn.Module]:
    """A model with virtual tokens, and PEFT's own model with the same ones."""
    from peft import get_peft_model

    base = tiny_model(name)
    config = adapter_config_of(kind, {"task_type": "CAUSAL_LM", **KINDS[kind], **fields})
    torch.manual_seed(3)
    plain = get_peft_model(copy.deepcopy(base), copy.deepcopy(config))  # type: ignore[arg-type]
    torch.manual_seed(3)
    ours = add_adapter(base, config)
    with torch.no_grad():
        for own, other in zip(trained(plain).values(), trained(ours).values(), strict=True):
            own.add_(0.3 * torch.randn_like(own))
            other.copy_(own)
    return ours.eval(), plain.eval()


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: each for name, each in model.named_parameters() if each.requires_grad}


def plain_logps(model: Any, sequence: TokenSequence) -> Tensor:
    """PEFT's own log-probabilities of a response, whose logits may begin with those of the virtual tokens."""
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    # Without a mask, PEFT hands over no prefix in some families.
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0, -ids.shape[1] :]
    start = len(sequence.prompt)
    return logits.float().log_softmax(-1)[start - 1 : -1].gather(-1, ids[0, start:, None])[:, 0]


def gradients(model: nn.Module, logps: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    weights = torch.randn(len(logps), generator=torch.Generator().manual_seed(len(logps)))
    (logps * weights).sum().backward()
    return {name: each.grad.clone() for name, each in trained(model).items() if each.grad is not None}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PLAIN)
def test_the_forest_gives_the_numbers_and_gradients_of_peft(name: str, kind: str) -> None:
    ours, plain = adapted(name, kind)
    sequences, owners = random_trees(0, VOCABULARY)
    expected = torch.cat([plain_logps(plain, each) for each in sequences])
    scorer = CausalScorer(ours)
    assert scorer.attention == "segments"
    forest = build_forest(sequences, owners)
    found = forest.per_response(scorer.score(forest)["logps"])[forest.mask]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
    wanted, got = gradients(plain, expected), gradients(ours, found)
    assert wanted.keys() == got.keys()
    for key, value in wanted.items():
        torch.testing.assert_close(got[key], value, atol=2e-5 * float(value.abs().max()) + 1e-7, rtol=1e-3)


@pytest.mark.parametrize("attention", ["dense", "flex", "sequences"])
@pytest.mark.parametrize("kind", ["prefix_tuning", "prompt_tuning"])
@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral-sliding", "gemma2", "gemma3"])
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_every_attention_gives_the_same_numbers(name: str, kind: str, attention: str) -> None:
    ours, _ = adapted(name, kind)
    sequences, owners = random_trees(1, VOCABULARY)
    forest = build_forest(sequences, owners)
    scorer = CausalScorer(ours)
    assert scorer.attention == "segments"
    first = scorer.score(forest)["logps"]
    scorer.close()
    if attention == "flex" and name in ("mistral-sliding", "gemma2", "gemma3"):
        with pytest.raises(ConfigurationError, match="sliding window leaves behind"):
            CausalScorer(ours, attention=attention).score(forest)
        return
    with torch.no_grad():
        found = CausalScorer(ours, attention=attention).score(forest)["logps"]
    torch.testing.assert_close(found, first, atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", ["prefix_tuning", "prompt_tuning"])
@pytest.mark.parametrize("name", ["mistral-sliding", "gemma2"])
def test_a_window_leaves_virtual_tokens_behind_as_real_ones(name: str, kind: str) -> None:
    # The window is 4: with 3 virtual tokens the last of five tokens sees none of them, and the first sees all.
    ours, _ = adapted(name, kind)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12, 13, 14]])
    model = ours.get_base_model()
    with torch.no_grad():
        layers = ours.virtual_tokens._layers(model.base_model)
        whole = ours(input_ids=ids).logits
        if kind == "prompt_tuning":  # then the virtual tokens are tokens whose embeddings are given
            with ours.disable_adapter():
                embeds = torch.cat([ours.get_prompt(1), model.get_input_embeddings()(ids)], dim=1)
                expected = model(inputs_embeds=embeds).logits[:, -ids.shape[1] :]
            torch.testing.assert_close(whole, expected, atol=2e-5, rtol=0)
    assert all(keys.shape[2] == 3 for keys, _values in layers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_generation_goes_on_as_peft_computes(name: str, kind: str) -> None:
    ours, plain = adapted(name, kind)
    prompts = [[5, 6, 7, 8, 9], [10, 11], [12]]  # of several lengths, so some are padded
    expected = []
    for prompt in prompts:
        ids = list(prompt)
        with torch.no_grad():
            for _ in range(6):
                given = torch.tensor([ids])
                logits = plain(input_ids=given, attention_mask=torch.ones_like(given), use_cache=False).logits
                ids.append(int(logits[0, -1].argmax()))
        expected.append(ids[len(prompt) :])
    scorer = CausalScorer(ours)  # a scorer that is open does not disturb generation

    class Padding:
        pad_token_id = 0

    settings: dict[str, Any] = {"max_new_tokens": 6, "temperature": 0.0, "stop_token_ids": [VOCABULARY + 1]}
    found = generate(ours, Padding(), prompts, **settings)
    assert [each for [each] in found] == expected
    # The way through ``generate`` of transformers, which options take.
    again = generate(ours, Padding(), prompts, samples=2, **settings, options={"repetition_penalty": 1.0})
    assert again == [[each, each] for each in expected]
    scorer.close()


def test_without_the_adapter_the_model_is_the_base() -> None:
    base = tiny_model("llama")
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        before = base(input_ids=ids).logits
    ours, _ = adapted("llama", "prefix_tuning")
    with torch.no_grad():
        assert not torch.allclose(ours(input_ids=ids).logits, before)
        with ours.disable_adapter():
            torch.testing.assert_close(ours(input_ids=ids).logits, before)
        assert not torch.allclose(ours(input_ids=ids).logits, before)


@pytest.mark.parametrize("kind", ["prefix_tuning", "prompt_tuning"])
def test_checkpointing_changes_nothing(kind: str) -> None:
    ours, _ = adapted("llama", kind)
    sequences, owners = random_trees(0, VOCABULARY)
    forest = build_forest(sequences, owners)
    scorer = CausalScorer(ours)
    first = gradients(ours, scorer.score(forest)["logps"])
    ours.get_base_model().gradient_checkpointing_enable({"use_reentrant": False})
    ours.train()
    second = gradients(ours, scorer.score(forest)["logps"])
    for key, value in first.items():
        torch.testing.assert_close(second[key], value)


def test_a_copy_has_virtual_tokens_of_its_own() -> None:
    ours, _ = adapted("llama", "prompt_tuning")
    ids = torch.tensor([[5, 6, 7]])
    other = copy.deepcopy(ours)
    with torch.no_grad():
        before = ours(input_ids=ids).logits
        for weight in trained(other).values():
            weight.add_(1.0)
        assert torch.equal(ours(input_ids=ids).logits, before)
        assert not torch.allclose(other(input_ids=ids).logits, before)


ENCODED: list[tuple[str, dict[str, Any]]] = [
    ("p_tuning", {"encoder_reparameterization_type": "LSTM"}),
    ("prefix_tuning", {"prefix_projection": True, "encoder_hidden_size": 8}),
]


@pytest.mark.parametrize(("kind", "fields"), [*((kind, {}) for kind in KINDS), *ENCODED])
def test_a_saved_one_scores_the_same_and_can_be_trained_on(kind: str, fields: dict[str, Any], tmp_path: Path) -> None:
    ours, plain = adapted("llama", kind, **fields)
    ids = torch.tensor([[5, 6, 7]])
    save_adapter(ours, tmp_path)
    with torch.no_grad():
        expected = plain(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, -3:]
        for trainable in (False, True):
            again = load_adapter(tiny_model("llama"), tmp_path, trainable=trainable)
            torch.testing.assert_close(again(input_ids=ids).logits, expected, atol=1e-5, rtol=0)
            assert bool(trained(again)) == trainable
    assert {name.rpartition(".")[2] for name in trained(again)} == {name.rpartition(".")[2] for name in trained(ours)}
    (tmp_path / ENCODER).unlink()  # as PEFT alone would have saved it
    load_adapter(tiny_model("llama"), tmp_path)
    if kind == "p_tuning" or fields.get("prefix_projection"):
        with pytest.raises(ModelError, match="written by an encoder"):
            load_adapter(tiny_model("llama"), tmp_path, trainable=True)
    else:
        load_adapter(tiny_model("llama"), tmp_path, trainable=True)


def test_what_cannot_read_them_says_so() -> None:
    with pytest.raises(ModelError, match="MambaForCausalLM cannot read virtual tokens"):
        add_adapter(
            tiny_model("mamba"),
            adapter_config_of(
                "prompt_tuning", {"task_type": "CAUSAL_LM", "num_virtual_tokens": 2, "num_layers": 2,
                                  "token_dim": 32, "num_attention_heads": 4}
            ),
        )  # fmt: skip
    ours, _ = adapted("llama", "prompt_tuning")
    assert uses_virtual_tokens(ours)
    assert not uses_virtual_tokens(tiny_model("llama"))
    with pytest.raises(ConfigurationError, match="'prompt_tuning' cannot be merged"):
        merge(ours)


def test_a_model_of_peft_in_memory_is_taken_as_it_is() -> None:
    _, plain = adapted("llama", "prefix_tuning")
    sequences, owners = random_trees(0, VOCABULARY)
    expected = torch.cat([plain_logps(plain, each) for each in sequences])
    forest = build_forest(sequences, owners)
    scorer = CausalScorer(plain)
    assert isinstance(plain.virtual_tokens, VirtualTokens)
    found = forest.per_response(scorer.score(forest)["logps"])[forest.mask]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


def test_an_additive_mask_gets_columns_too() -> None:
    seen = torch.tensor([[[[True, False]]]])
    mask = torch.zeros(1, 1, 1, 3)
    joined = joined_mask(mask, seen, 3)
    assert joined.shape == (1, 1, 1, 5)
    assert joined[0, 0, 0, 0] == 0 and joined[0, 0, 0, 1] < -1e30


def test_the_fingerprint_of_the_model_inside_knows_them() -> None:
    ours, _ = adapted("llama", "prompt_tuning")
    core = ours.get_base_model()
    with_tokens = fingerprint(core)
    assert with_tokens != fingerprint(tiny_model("llama"))
    with torch.no_grad():
        next(iter(trained(ours).values())).add_(1.0)
    assert fingerprint(core) != with_tokens


def test_autocast_of_accelerate_is_put_around_the_model() -> None:
    # accelerate binds a method of the model anew, so the forward must be none of another object.
    ours, _ = adapted("llama", "prompt_tuning")
    assert not hasattr(ours.forward, "__func__")
