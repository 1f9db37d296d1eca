"""Learning rates by layer, pattern and head: what each weight gets, and that a run with them goes on exactly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from families import tiny_model
from penchant.errors import ConfigurationError, PenchantError
from penchant.training import Result
from penchant.training.parameters.rates import Rates
from small_runs import losses, stopped_after, weights

Train = Callable[..., Result]


def test_rates_fall_from_the_top_layer_to_the_embedding() -> None:
    model = tiny_model("llama")
    rates = Rates(1.0, decay=0.5).by_name(model)
    count = model.config.num_hidden_layers
    assert rates["model.embed_tokens.weight"] == 0.5 ** (count + 1)
    for layer in range(count):
        assert rates[f"model.layers.{layer}.mlp.up_proj.weight"] == 0.5 ** (count - layer)
    assert "model.norm.weight" not in rates


def test_a_pattern_wins_over_the_layer_and_the_first_pattern_over_the_second() -> None:
    rates = Rates(1.0, decay=0.5, patterns={"*.q_proj.*": 3.0, "model.layers.0.*": 2.0}).by_name(tiny_model("llama"))
    assert rates["model.layers.0.self_attn.q_proj.weight"] == 3.0
    assert rates["model.layers.0.self_attn.k_proj.weight"] == 2.0


def test_groups_hold_every_weight_once_with_its_rate() -> None:
    model = tiny_model("llama")
    names = {id(each): name for name, each in model.named_parameters()}
    optimizer = torch.optim.AdamW(
        [
            {"params": [each for each in model.parameters() if each.dim() > 1], "weight_decay": 0.1},
            {"params": [each for each in model.parameters() if each.dim() == 1], "weight_decay": 0.0},
        ],
        lr=1.0,
    )
    rates = Rates(1.0, decay=0.9)
    rates.apply(optimizer, model)
    found = {
        names[id(each)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for each in group["params"]
    }
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names) == len(found)
    wanted = rates.by_name(model)
    for name, weight in model.named_parameters():
        assert found[name] == (wanted.get(name, 1.0), 0.1 if weight.dim() > 1 else 0.0)


def test_a_step_of_sgd_is_scaled_by_the_rate(train: Train, folder: Path) -> None:
    start = load_file(folder / "model.safetensors")
    recipe: dict[str, Any] = {"max_steps": 1, "max_grad_norm": 0.0}
    plain = weights(train("plain", **recipe).folder)
    other = weights(train("other", **recipe, learning_rates={"*.mlp.*": 4e-3}).folder)
    for name, first in start.items():
        factor = 4.0 if ".mlp." in name else 1.0
        assert torch.allclose(other[name] - first, factor * (plain[name] - first), atol=1e-6), name


def test_a_head_has_its_own_rate(train: Train, folder: Path) -> None:
    recipe: dict[str, Any] = {"objective": "bt", "max_steps": 1, "optimizer": "adamw_torch"}
    start = load_file(folder / "model.safetensors")
    runs = [train("same", **recipe), train("own", **recipe, head_learning_rate=0.5)]
    heads = [
        torch.load(next((run.folder / "checkpoints").iterdir()) / "objective.pt", weights_only=True) for run in runs
    ]
    gaps = [(heads[1][key] - heads[0][key]).abs().max().item() for key in heads[0]]
    assert max(gaps) == pytest.approx(0.499, abs=1e-3)
    del start


def test_a_run_with_rates_goes_on_exactly(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = {
        "max_steps": 4,
        "save_every": 2,
        "optimizer": "adamw_torch_fused",
        "layer_learning_rate_decay": 0.5,
        "learning_rates": {"*.q_proj.*": "1e-2"},
    }
    whole = train("whole", **recipe)
    stopped_after(3, partial(train, "stopped", **recipe), monkeypatch)
    train("stopped", **recipe, resume=True)
    assert losses(tmp_path / "stopped") == losses(whole.folder)
    resumed = weights(tmp_path / "stopped")
    assert all(torch.equal(each, resumed[name]) for name, each in weights(whole.folder).items())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"learning_rates": {"*.q_prj.*": 1e-3}}, r"No trained weight has a name like '\*\.q_prj\.\*'"),
        ({"head_learning_rate": 1e-2}, r"The objective has no weights of its own"),
        ({"optimizer": "lomo", "layer_learning_rate_decay": 0.9}, r"lomo has one learning rate"),
        ({"layer_learning_rate_decay": 1.5}, r"layer_learning_rate_decay"),
        ({"learning_rates": {"*": 0}}, r"learning_rates"),
        ({"parameters": {"name": "freeze", "frozen": ["*"]}}, r"freezes all weights"),
        (
            {"parameters": {"name": "freeze", "frozen": ["*.nothing.*"]}},
            r"Known: .*, model\.layers\.\*\.mlp\.down_proj\.weight,",
        ),
        ({"parameters": "freeze"}, r"needs a list of patterns"),
        ({"parameters": {"name": "freeze", "frozen": ["a"], "trained": ["b"]}}, r"and not both"),
    ],
)
def test_what_cannot_work_is_refused(changed: dict[str, Any], told: str, train: Train) -> None:
    with pytest.raises((ConfigurationError, PenchantError), match=told):
        train(**changed)
