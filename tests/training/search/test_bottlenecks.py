"""The published space of a search: serial and parallel adapters, with one bit for each layer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from families import tiny_model
from penchant.errors import ConfigurationError
from penchant.training.search.plan import plan_of
from penchant.training.search.searching import search
from penchant.training.search.space import Configuration, Space, layout_of
from small_runs import pairs, write_pairs

SPACE = Space({"serial": (0, 1, 3), "parallel": (0, 2)}, layers=2)


@pytest.fixture
def document(folder: Path, tmp_path: Path) -> dict[str, Any]:
    recipe = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl")), "max_steps": 1}
    recipe |= {"eval_data": str(write_pairs(tmp_path / "held.jsonl", pairs(24)[18:])), "batch_size": 4}
    return {
        "output": str(tmp_path / "search"),
        "recipe": recipe | {"learning_rate": 1e-2},
        "evaluations": 2,
        "sampler": "random",
        "measure": "rewards/margin",
        "space": {"serial": [0, 1, 3], "parallel": [0, 2], "prefix": [0, 2]},
    }


def test_every_configuration_counts_once_and_its_weights_are_counted_by_hand() -> None:
    layout, seen = layout_of(tiny_model("llama")), list[Configuration]()
    while (drawn := SPACE.unseen(seen, random.Random(len(seen)))) is not None:
        seen.append(drawn)
    assert len(seen) == SPACE.size == (3 * 2 - 1) * 3
    for each in seen:
        layers = [number for number in range(2) if each[f"layer {number}"]]
        keys = SPACE.recipe(each, layout)["parameters"]
        assert keys == {
            "name": "bottleneck",
            "serial": each["serial"],
            "parallel": each["parallel"],
            "layers": layers,
        }
        assert SPACE.trained(each, layout) == 2 * layout.width * (each["serial"] + each["parallel"]) * len(layers)


def test_prefixes_are_counted_by_hand_and_trained() -> None:
    space = Space({"serial": (0, 1), "parallel": (0,), "prefix": (0, 5)}, layers=2)
    model = tiny_model("llama")
    layout = layout_of(model)
    chosen = {"serial": 1, "parallel": 0, "prefix": 5, "layer 0": True, "layer 1": False}
    assert space.recipe(chosen, layout)["parameters"] == {
        "name": "bottleneck",
        "serial": 1,
        "parallel": 0,
        "prefix": 5,
        "layers": [0],
    }
    keys = model.model.layers[0].self_attn.k_proj.weight.shape[0]
    assert space.trained(chosen, layout) == 2 * layout.width + 2 * 5 * keys
    assert space.size == (2 * 2 - 1) * 3


def test_adapters_are_trained_and_kept_and_the_largest_bounds_the_volume(document: dict[str, Any]) -> None:
    from penchant.likelihood.loading import load_model

    plan = plan_of(document, "plan")
    result = search(plan, layout_of(load_model(plan.recipe["model"])))
    assert len(result.evaluations) == 2
    for each in result.evaluations:
        kept = load_file(Path(each.run) / "bottlenecks.safetensors")
        assert sum(weight.numel() for weight in kept.values()) == each.trained
        assert not (Path(each.run) / "model").exists()
    assert result.volumes == sorted(result.volumes) and result.volumes[-1] >= 0


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"serial": [0, 1], "attention": [0, 1]}, "both serial and attention"),
        ({"parallel": [0, 1], "kinds": ["ia3"]}, "both parallel and kinds"),
        ({"serial": [0], "parallel": [0]}, "No configuration of the space has an adapter"),
        ({"serial": [3, 1]}, "do not ascend"),
        ({"prefix": [0, 1], "attention": [0, 1]}, "has both prefix and attention"),
    ],
)
def test_spaces_that_cannot_be_are_refused(space: dict[str, Any], told: str, document: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=told):
        plan_of(document | {"space": space}, "plan")


def test_parameters_of_the_recipe_and_a_model_without_blocks_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="sets parameters itself"):
        plan_of(document | {"recipe": document["recipe"] | {"parameters": {"name": "freeze"}}}, "plan")
    with pytest.raises(ConfigurationError, match="no feed-forward block"):
        search(plan_of(document, "plan"), layout_of(tiny_model("mamba")))
