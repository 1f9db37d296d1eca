"""Every strategy with DPO, KTO and NLL: it trains, goes on exactly, and its folder loads in plain transformers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from penchant.errors import PenchantError
from penchant.training import Result
from penchant.training.parameters.strategy import STRATEGIES
from small_runs import losses, pairs, stopped_after, weights
from training.parameters.conftest import facts, judged

Train = Callable[..., Result]
KINDS: dict[str, dict[str, Any]] = {
    "dpo": {"objective": "dpo", "data": pairs()[:8]},
    "kto": {"objective": "kto", "data": judged()},
    "nll": {"objective": "nll", "data": facts("chosen", 0, 8)},
}
#: Settings of each strategy that any objective can have.
STRATEGIES_HERE: dict[str, dict[str, Any]] = {
    "freeze": {"frozen": ["*.mlp.*", "*embed*"]},
    "half-fine-tuning": {"rounds": "epoch"},
    "lt-sft": {"ratio": 0.05, "l1": 0.1},
    "spt": {"ratio": 0.05, "rank": 1},
    "dsee": {"rank": 2, "entries": 8, "sparsity": 0.25},
    "random": {"ratio": 0.3},
    "magnitude": {"ratio": 0.3},
    "dsee, heads": {"rank": 2, "entries": 8, "structure": "heads", "sparsity": 0.25, "units": 0.3, "l1": 0.1},
}
#: Settings of each strategy that chooses among the weights of an adapter.
WITH_ADAPTER: dict[str, dict[str, Any]] = {
    "freeze": {"frozen": ["*.mlp.*"]},
    "half-fine-tuning": {"rounds": "epoch"},
}
STEPS = 4


def recipe_of(name: str, kind: str, **settings: Any) -> dict[str, Any]:
    return {
        **KINDS[kind],
        "parameters": {"name": name.partition(",")[0], **STRATEGIES_HERE.get(name, {}), **settings},
        "max_steps": STEPS,
        "save_every": 1,
        "keep_checkpoints": STEPS,
        "optimizer": "adamw_torch_fused",
        "weight_decay": 0.5,
        "warmup": 0.1,
    }


@pytest.fixture
def start(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STRATEGIES_HERE)
def test_it_trains_goes_on_exactly_and_loads_in_transformers(
    name: str, kind: str, train: Train, start: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    recipe = recipe_of(name, kind)
    whole = train("whole", **recipe)
    saved = weights(whole.folder)
    moved = sum(int((saved[key] != each).sum()) for key, each in start.items())
    assert moved > 0
    assert 0 < whole.summary["trained_share"] < 1
    assert whole.summary["parameter_strategy"]["name"] == name.partition(",")[0]
    stopped_after(3, partial(train, "stopped", **recipe), monkeypatch)
    train("stopped", **recipe, resume=True)
    assert losses(tmp_path / "stopped") == losses(whole.folder)
    resumed = weights(tmp_path / "stopped")
    assert all(torch.equal(each, resumed[key]) for key, each in saved.items())
    loaded = AutoModelForCausalLM.from_pretrained(whole.folder / "model").state_dict()
    assert all(torch.equal(each, loaded[key]) for key, each in saved.items())


def optimizer_sizes(run: Path, step: int) -> int:
    """Numbers in the first moments that a checkpoint's optimizer holds."""
    file = run / "checkpoints" / f"checkpoint-{step}" / "optimizer.pt"
    state = torch.load(file, weights_only=True)["state"]
    return sum(each["exp_avg"].numel() for each in state.values())


@pytest.mark.parametrize("rounds", ["run", "epoch"])
@pytest.mark.parametrize("level", ["category", "layer", "model"])
def test_the_frozen_half_stays_and_takes_no_memory_of_the_optimizer(
    level: str, rounds: str, train: Train, start: dict[str, torch.Tensor]
) -> None:
    run = train(**recipe_of("half-fine-tuning", "dpo", level=level, rounds=rounds))
    names = set(torch.load(run.folder / "checkpoints" / "checkpoint-2" / "parameters.pt", weights_only=True)["moving"])
    assert optimizer_sizes(run.folder, 2) == sum(start[name].numel() for name in names)
    # Eight pairs in steps of four: the second epoch begins with step 3.
    second = set(torch.load(run.folder / "checkpoints" / "checkpoint-4" / "parameters.pt", weights_only=True)["moving"])
    assert (second == names) == (rounds == "run")
    assert optimizer_sizes(run.folder, 4) == sum(start[name].numel() for name in second)
    saved = weights(run.folder)
    for name, first in start.items():
        assert torch.equal(saved[name], first) == (name not in names | second), name


def test_lottery_tickets_are_as_many_as_asked_and_the_rest_is_the_start(
    train: Train, start: dict[str, torch.Tensor]
) -> None:
    run = train(**recipe_of("lt-sft", "dpo", frozen=["*norm*"]))
    free = sum(each.numel() for name, each in start.items() if "norm" not in name)
    saved = weights(run.folder)
    moved = sum(int((saved[name] != each).sum()) for name, each in start.items())
    chosen = run.summary["trained_parameters"]
    # Weights that changed as much as the last one are chosen too.
    assert int(0.05 * free) <= chosen <= int(0.05 * free) + 10
    assert 0 < moved <= chosen
    assert all(torch.equal(saved[name], each) for name, each in start.items() if "norm" in name)


def test_the_mask_grows_and_keeps_what_it_had(train: Train, start: dict[str, torch.Tensor]) -> None:
    run = train(**recipe_of("lt-sft", "dpo", iterations=2))
    states = [
        torch.load(run.folder / "checkpoints" / f"checkpoint-{step}" / "parameters.pt", weights_only=True)
        for step in (2, 4)
    ]
    masks = [{name: bits for name, bits in state["mask"].items()} for state in states]
    sizes = [
        sum(int(torch.bitwise_and(bits, 1 << bit).ne(0).sum()) for bits in mask.values() for bit in range(8))
        for mask in masks
    ]
    total = int(0.05 * sum(each.numel() for each in start.values()))
    assert sizes == pytest.approx([total // 2, total], abs=10)
    assert sizes[0] < sizes[1]
    assert all(torch.equal(masks[1][name] & bits, bits) for name, bits in masks[0].items())


def test_the_second_part_starts_from_the_first_weights_with_a_fresh_schedule(train: Train) -> None:
    run = train(**recipe_of("lt-sft", "dpo", ratio=1.0, l1=0.0), batch_size=8, schedule="cosine")
    first, second, third, fourth = losses(run.folder)
    # All weights are in the mask, and each step sees the same eight pairs, in another order.
    assert (third, fourth) == pytest.approx((first, second), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "changed", "told"),
    [
        ({"name": "lt-sft"}, {"max_steps": 1}, r"has 2 parts, but the run has 1 steps"),
        ({"name": "lt-sft", "ratio": 0.0}, {}, r"'ratio' is 0\.0"),
        ({"name": "lt-sft", "ratio": 1.5}, {}, r"'ratio' is 1\.5"),
        ({"name": "lt-sft", "ratio": float("nan")}, {}, r"'ratio' is nan"),
        ({"name": "spt", "ratio": 0.0}, {}, r"'ratio' is 0\.0"),
        ({"name": "dsee", "sparsity": 1.0}, {}, r"'sparsity' is 1\.0"),
        ({"name": "lt-sft", "frozen": ["*"]}, {}, r"freezes all weights"),
        ({"name": "lt-sft"}, {"keep": "best"}, r"keeps its best weights"),
        ({"name": "lt-sft"}, {"optimizer": "adagrad"}, r"adagrad keeps a state of all weights"),
        ({"name": "half-fine-tuning", "ratio": 1.0}, {}, r"'ratio' is 1\.0"),
        ({"name": "half-fine-tuning", "level": "row"}, {}, r"'level' is 'row'"),
        ({"name": "lt-sft"}, {"lora": True}, r"where an adapter is trained.*chooses among the model's own weights"),
        ({"name": "spt"}, {"lora": True}, r"where an adapter is trained.*adds matrices of its own"),
        ({"name": "dsee"}, {"lora": {"kind": "ia3"}}, r"where an adapter is trained.*adds matrices of its own"),
        ({"name": "freeze", "frozen": ["*"]}, {"lora": True}, r"freezes all weights"),
    ],
)
def test_what_cannot_work_is_refused(settings: Any, changed: dict[str, Any], told: str, train: Train) -> None:
    with pytest.raises(PenchantError, match=told):
        train(**changed, parameters=settings)


def test_every_strategy_is_tried() -> None:
    from training.parameters.test_masked import MASKS

    assert set(STRATEGIES.names()) == {
        *MASKS,
        "mrp",
        "bottleneck",
        *(name.partition(",")[0] for name in STRATEGIES_HERE),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WITH_ADAPTER)
def test_a_part_of_an_adapter_trains_and_goes_on_exactly(
    name: str, kind: str, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {**recipe_of(name, kind), "lora": {"rank": 2}, "parameters": {"name": name, **WITH_ADAPTER[name]}}
    whole = train("whole", **recipe)
    assert 0 < whole.summary["trained_share"] < 1
    stopped_after(3, partial(train, "stopped", **recipe), monkeypatch)
    train("stopped", **recipe, resume=True)
    assert losses(tmp_path / "stopped") == losses(whole.folder)
    first, second = (
        load_file(run / "adapter" / "adapter_model.safetensors") for run in (whole.folder, tmp_path / "stopped")
    )
    assert all(torch.equal(each, second[key]) for key, each in first.items())


def test_the_frozen_half_of_an_adapter_takes_no_memory_in_any_epoch(train: Train) -> None:
    run = train(**{**recipe_of("half-fine-tuning", "dpo"), "lora": {"rank": 2}})
    saved = load_file(run.folder / "adapter" / "adapter_model.safetensors")
    halves = []
    for step in (2, 4):
        file = run.folder / "checkpoints" / f"checkpoint-{step}" / "parameters.pt"
        halves.append(set(torch.load(file, weights_only=True)["moving"]))
        sizes = sum(saved[name.replace(".default", "")].numel() for name in halves[-1])
        assert optimizer_sizes(run.folder, step) == sizes
    assert halves[0] != halves[1]


@pytest.mark.parametrize("lora", [{"rank": 2}, {"kind": "ia3"}], ids=["lora", "ia3"])
def test_half_fine_tuning_of_an_adapter_moves_what_is_beside_half_of_the_matrices(
    lora: dict[str, Any], train: Train
) -> None:
    run = train(**{**recipe_of("half-fine-tuning", "dpo", rounds="run"), "lora": lora})
    state = torch.load(run.folder / "checkpoints" / "checkpoint-4" / "parameters.pt", weights_only=True)
    saved = load_file(run.folder / "adapter" / "adapter_model.safetensors")
    begins = {key: 1.0 if "ia3" in key else 0.0 for key in saved if "lora_B" in key or "ia3" in key}
    moved = {key for key, value in begins.items() if not bool((saved[key] == value).all())}
    modules = {name.partition(".lora")[0].partition(".ia3")[0] for name in state["moving"]}
    assert moved == {key for key in begins if key.partition(".lora")[0].partition(".ia3")[0] in modules}
    assert 0 < len(moved) < len(begins)
