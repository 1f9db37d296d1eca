"""Serial and parallel adapters: their formula, runs that go on exactly, saved folders, references without a copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from families import VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.errors import CheckpointError, ConfigurationError, ModelError, PenchantError
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer
from penchant.likelihood.loading import load_model
from penchant.likelihood.projected.layer_parts import Bottleneck, PrefixKeys, bottlenecks_of, prefix_attention
from penchant.likelihood.projected.modeling_projected import attach_bottleneck, attach_prefix
from penchant.likelihood.references.initial import InitialReference
from penchant.training import Result
from penchant.training.parameters.bottleneck import ATTENTION, blocks_of, bottleneck_weights, key_shape
from small_runs import losses, stopped_after
from training.parameters.test_strategies import KINDS, recipe_of

Train = Callable[..., Result]
BOTH = {"serial": 3, "parallel": 2}
EVERY = {**BOTH, "prefix": 2}


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(torch.arange(4, 16)[None]).logits
    return found


def filled(width: int, size: int, seed: int) -> Bottleneck:
    made = Bottleneck(width, size)
    generator = torch.Generator().manual_seed(seed)
    for each in made.parameters():
        each.data.copy_(torch.randn(each.shape, generator=generator))
    return made


@pytest.mark.parametrize("kinds", [("parallel_adapter",), ("serial_adapter",), ("serial_adapter", "parallel_adapter")])
def test_the_output_of_a_block_is_that_of_the_formula(kinds: tuple[str, ...]) -> None:
    model = tiny_model("llama", seed=1)
    block, states = model.model.layers[0].mlp, torch.randn(2, 5, model.config.hidden_size)
    inside = block(states).detach()
    networks = {kind: filled(states.shape[-1], 3, seed) for seed, kind in enumerate(kinds)}
    for kind, network in networks.items():
        attach_bottleneck(model, "model.layers.0.mlp", kind, network)

    def added(kind: str, read: Tensor) -> Tensor:
        if kind not in networks:
            return torch.zeros_like(read)
        return torch.relu(read @ networks[kind].down.T) @ networks[kind].up.T

    beside = inside + added("parallel_adapter", states)
    torch.testing.assert_close(block(states), beside + added("serial_adapter", beside))


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral-sliding"])
def test_attention_with_a_prefix_is_that_of_the_formula_in_the_forest_and_alone(name: str) -> None:
    model = tiny_model(name, seed=1)
    heads, width = key_shape(model.config)
    sequences, owners = random_trees(0, VOCABULARY)
    path = blocks_of(model, [0], ATTENTION)[0]
    plain = logits(model)
    prefix = PrefixKeys(heads, 3, width)
    for weight in prefix.parameters():
        weight.data.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)))
    attach_prefix(model, path, prefix)
    changed = logits(model)
    assert (changed - plain).abs().max() > 1e-3
    forest = build_forest(sequences, owners)
    found = {}
    for attention in ("segments", "dense", "sequences"):
        scorer = CausalScorer(model, attention=attention)
        found[attention] = scorer.score(forest)["logps"]
        scorer.close()
    torch.testing.assert_close(found["segments"], found["sequences"], atol=1e-5, rtol=0)
    torch.testing.assert_close(found["dense"], found["sequences"], atol=1e-5, rtol=0)
    prefix.off = True
    torch.testing.assert_close(logits(model), plain)


def test_a_prefix_is_part_of_the_softmax() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(1, 2, 3, 4), torch.randn(1, 1, 3, 4), torch.randn(1, 1, 3, 4)
    layer = torch.nn.Module()
    prefix = PrefixKeys(1, 2, 4)
    for weight in prefix.parameters():
        weight.data.copy_(torch.randn(weight.shape))
    layer.add_module("prefix_keys", prefix)
    layer.num_key_value_groups, layer.is_causal = 2, True
    with torch.no_grad():
        found, _ = prefix_attention(layer, query, key, value, None, scaling=0.5)
        for head in range(2):
            for place in range(3):
                keys = torch.cat([prefix.keys[0], key[0, 0, : place + 1]])
                values = torch.cat([prefix.values[0], value[0, 0, : place + 1]])
                weights = torch.softmax(0.5 * keys @ query[0, head, place], dim=0)
                torch.testing.assert_close(found[0, place, head], weights @ values)


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_goes_on_exactly_and_loads_in_transformers(
    kind: str, train: Train, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    recipe = recipe_of("bottleneck", kind, **EVERY)
    whole = train("whole", **recipe)
    start = load_file(folder / "model.safetensors")
    saved = load_file(whole.folder / "model" / "model.safetensors")
    assert all(torch.equal(saved[f"projected.{name}"], each) for name, each in start.items())
    alone = load_file(whole.folder / "bottlenecks.safetensors")
    assert {f"projected.{name}" for name in alone} == saved.keys() - {f"projected.{name}" for name in start}
    assert all(bool(each.any()) for each in alone.values()), "every matrix has moved"
    width, depth = whole.model.config.hidden_size, len(whole.model.model.layers)
    heads, size = key_shape(whole.model.config)
    assert whole.summary["trained_parameters"] == bottleneck_weights(width, 3, 2, depth, prefix=2, keys=heads * size)
    stopped_after(3, partial(train, "stopped", **recipe), monkeypatch)
    train("stopped", **recipe, resume=True)
    assert losses(tmp_path / "stopped") == losses(whole.folder)
    resumed = load_file(tmp_path / "stopped" / "model" / "model.safetensors")
    assert all(torch.equal(each, resumed[name]) for name, each in saved.items())
    expected = logits(whole.model)
    loaded = load_model(whole.folder / "model")
    theirs = AutoModelForCausalLM.from_pretrained(whole.folder / "model", trust_remote_code=True).eval()
    assert torch.equal(logits(loaded), expected) and torch.equal(logits(theirs), expected)
    assert set(bottlenecks_of(loaded)) == {name.rpartition(".")[0] for name in alone}
    theirs.save_pretrained(tmp_path / "again")
    assert torch.equal(logits(load_model(tmp_path / "again")), expected)


@pytest.mark.parametrize(
    "parameters",
    [
        {"name": "bottleneck", **EVERY},
        {"name": "spt", "ratio": 0.02, "rank": 1, "alpha": 100.0, "beta_v": 1e6},
        {"name": "dsee", "rank": 2, "entries": 8},
    ],
    ids=["bottleneck", "spt", "dsee"],
)
def test_the_reference_is_the_model_with_what_was_added_switched_off(
    parameters: dict[str, Any], train: Train, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    build = InitialReference.__init__

    def kept(self: Any, *given: Any, **named: Any) -> None:
        build(self, *given, **named)
        made.append(self.frozen)

    monkeypatch.setattr(InitialReference, "__init__", kept)
    # TDPO2 reads the reference's distributions, which are computed later than its hidden states.
    recipe = {**recipe_of("bottleneck", "dpo"), "objective": "tdpo2", "parameters": parameters}
    own = train("own", **recipe, learning_rate=0.02)
    assert made == [None], "no copy is made"
    other = train("other", **recipe, learning_rate=0.02, reference={"model": str(folder)})
    assert losses(own.folder) == pytest.approx(losses(other.folder), rel=1e-5)
    assert own.summary["after"]["kl"] == pytest.approx(other.summary["after"]["kl"], rel=1e-4)
    assert own.summary["after"]["kl"] > 1e-4, "the model has moved away from it"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"serial": 0, "parallel": 0}, "nothing would be trained"),
        ({"serial": 0, "layers": []}, "nothing would be trained"),
        ({"layers": []}, "nothing would be trained"),
        ({"layers": [7]}, "no layer 7"),
        ({"serial": -1}, "'serial' is -1"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], told: str, train: Train) -> None:
    with pytest.raises(PenchantError, match=told):
        train(**recipe_of("bottleneck", "dpo", **settings))


def test_an_adapter_beside_it_a_second_one_and_a_model_without_blocks_are_refused(train: Train) -> None:
    with pytest.raises(ConfigurationError, match="where an adapter is trained"):
        train(**recipe_of("bottleneck", "dpo"), lora=True)
    first = train("first", **recipe_of("bottleneck", "nll", layers=[-1]))
    assert {name.rpartition(".")[0] for name in bottlenecks_of(first.model)} == {"model.layers.1.mlp"}
    with pytest.raises(ConfigurationError, match="has such adapters already"):
        train("second", **{**recipe_of("bottleneck", "nll"), "model": first.folder / "model"})
    with pytest.raises(ConfigurationError, match="no feed-forward block"):
        blocks_of(torch.nn.Sequential(torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)])))


def test_a_checkpoint_of_other_layers_and_weights_that_are_not_there_are_refused(train: Train) -> None:
    run = train("run", **recipe_of("bottleneck", "nll", layers=[1]), checkpoints="full")
    from penchant.training.parameters.bottleneck import BottleneckAdapters

    strategy = BottleneckAdapters(layers=[0])
    with pytest.raises(CheckpointError, match="not at this model's blocks"):
        strategy.resume(_start(run.model), {"blocks": ["model.layers.1.mlp"]})
    config = run.folder / "model" / "config.json"
    config.write_text(config.read_text().replace("layers.1.mlp.serial", "layers.0.mlp.serial"))
    with pytest.raises(ModelError, match="names bottlenecks"):
        load_model(run.folder / "model")


def _start(model: Any) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(scorer=SimpleNamespace(core=model), seed=0)
