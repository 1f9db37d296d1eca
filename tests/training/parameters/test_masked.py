"""Masks over weights: what is masked stays bit for bit, with every objective, optimizer and after a resumption."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from penchant.errors import CheckpointError, ConfigurationError, PenchantError
from penchant.training import Result
from penchant.training.parameters.masked import packed, unpacked
from penchant.training.parameters.strategy import build_strategy
from penchant.training.parameters.wanda import Wanda
from small_runs import losses, stopped_after, weights

Train = Callable[..., Result]
MASKS = ["wagle", "snip", "forget-gradient", "wanda", "magnitude", "random"]


def mask_of(run: Path) -> dict[str, torch.Tensor]:
    """The mask that a run keeps: by tensor, True where a weight moves."""
    state = torch.load(run / "parameters.pt", weights_only=True)["mask"]
    saved = weights(run)
    return {name: unpacked(bits, saved[name].shape) for name, bits in state.items()}


def check_frozen(run: Path, start: dict[str, torch.Tensor]) -> None:
    """What is masked is what it was, and something else moved."""
    saved, mask = weights(run), mask_of(run)
    moved = 0
    for name, moving in mask.items():
        assert torch.equal(saved[name][~moving], start[name][~moving]), name
        moved += int((saved[name][moving] != start[name][moving]).sum())
    assert moved > 0


@pytest.fixture
def start(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("name", MASKS)
def test_masked_weights_stay_bit_for_bit_with_weight_decay_and_a_run_goes_on_exactly(
    name: str,
    kind: dict[str, Any],
    train: Train,
    start: dict[str, torch.Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = {
        **kind,
        "parameters": {"name": name, "ratio": 0.3},
        "max_steps": 4,
        "save_every": 2,
        "optimizer": "adamw_torch_fused",
        "weight_decay": 0.5,
    }
    whole = train("whole", **recipe)
    check_frozen(whole.folder, start)
    size = sum(each.numel() for each in start.values())
    assert whole.summary["trained_parameters"] == int(0.3 * size)
    assert whole.summary["trained_share"] == pytest.approx(0.3, abs=1e-3)
    assert whole.summary["parameter_strategy"]["name"] == name
    stopped_after(3, partial(train, "stopped", **recipe), monkeypatch)
    train("stopped", **recipe, resume=True)
    assert losses(tmp_path / "stopped") == losses(whole.folder)
    resumed = weights(tmp_path / "stopped")
    assert all(torch.equal(each, resumed[name]) for name, each in weights(whole.folder).items())


@pytest.mark.parametrize("optimizer", ["sgd", "adafactor", "rmsprop", "adagrad"])
def test_no_optimizer_moves_a_masked_weight(
    optimizer: str, unlearning: dict[str, Any], train: Train, start: dict[str, torch.Tensor]
) -> None:
    run = train(**unlearning, parameters={"name": "random", "ratio": 0.5}, optimizer=optimizer, weight_decay=0.1)
    check_frozen(run.folder, start)


def test_micro_batches_change_neither_mask_nor_weights(unlearning: dict[str, Any], train: Train) -> None:
    alone = {"name": "grad-diff", "nll_average": "response"}
    recipe = {**unlearning, "objective": alone, "parameters": "wagle", "max_grad_norm": 0.0}
    whole, split = train("whole", **recipe, accumulate=1), train("split", **recipe, accumulate=3)
    same = [torch.equal(each, mask_of(split.folder)[name]) for name, each in mask_of(whole.folder).items()]
    # Rounding may exchange weights at the threshold.
    assert sum(same) >= len(same) - 2
    assert losses(split.folder) == pytest.approx(losses(whole.folder), abs=1e-5)


def test_a_ratio_of_one_is_the_run_without_a_mask(unlearning: dict[str, Any], train: Train) -> None:
    plain, masked = (
        train("plain", **unlearning),
        train("masked", **unlearning, parameters={"name": "wagle", "ratio": 1}),
    )
    assert all(torch.equal(each, weights(masked.folder)[name]) for name, each in weights(plain.folder).items())


def test_stored_bfloat16_weights_are_frozen_as_masters(
    unlearning: dict[str, Any], train: Train, folder: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(tmp_path / "half")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "half")
    run = train(
        model=tmp_path / "half",
        **unlearning,
        parameters={"name": "wagle", "ratio": 0.5},
        learning_rate=0.5,
        weight_decay=0.1,
    )
    check_frozen(run.folder, load_file(tmp_path / "half" / "model.safetensors"))


def test_wanda_scores_are_weights_times_what_enters_them(
    unlearning: dict[str, Any], train: Train, folder: Path
) -> None:
    from transformers import AutoModelForCausalLM

    from small_runs import word_tokenizer

    found: dict[str, torch.Tensor] = {}

    def scores(self: Wanda, start: Any) -> dict[str, torch.Tensor]:
        found.update(original(self, start))
        return found

    original = Wanda.scores
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wanda, "scores", scores)
        train(**unlearning, parameters={"name": "wanda", "ratio": 0.5}, max_steps=1)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), word_tokenizer()
    layer, total, counts = (
        "model.layers.1.mlp.down_proj",
        torch.zeros(()),
        torch.zeros(len(model.get_input_embeddings().weight)),
    )
    entered: list[torch.Tensor] = []
    model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: entered.append(inputs[0][0]))
    for row in unlearning["data"]["forget"]:
        ids = [
            *tokenizer(row["prompt"]).input_ids,
            *tokenizer(row["completion"], add_special_tokens=False).input_ids,
            2,
        ]
        with torch.no_grad():
            model(torch.tensor([ids]))
        counts += torch.bincount(torch.tensor(ids), minlength=len(counts))
        total = total + len(ids)
    weight = model.get_submodule(layer).weight.detach()
    wanted = weight.abs() * torch.cat(entered).square().sum(0).sqrt()
    torch.testing.assert_close(found[f"{layer}.weight"], wanted, rtol=1e-4, atol=1e-6)
    gain = model.model.norm.weight.detach().abs() * total.sqrt()
    torch.testing.assert_close(found["model.norm.weight"], gain)
    unused = (counts == 0).nonzero().flatten()
    if not model.config.tie_word_embeddings:
        assert not found["model.embed_tokens.weight"][unused].any()


def test_refusals_stand_for_what_is_to_be_forgotten(train: Train) -> None:
    refused = [{"prompt": "which colour is the car", "idk": " not good", "completion": " the car is red"}] * 2
    kept = [{"prompt": "which colour is the hat", "completion": " the hat is blue"}] * 2
    recipe = {"data": {"forget": refused, "retain": kept}, "parameters": {"name": "snip", "ratio": 0.2}}
    imitated = train("idk", objective="idk", **recipe)
    unlearned = train("npo", objective="npo-retain", **recipe)
    differs = [
        not torch.equal(each, mask_of(unlearned.folder)[name]) for name, each in mask_of(imitated.folder).items()
    ]
    assert any(differs)


@pytest.mark.parametrize(
    ("parameters", "changed", "told"),
    [
        ({"name": "wagel"}, {}, r"no parameter strategy 'wagel'\. Did you mean 'wagle'"),
        ({"name": "wagle", "ratio": 0.0}, {}, r"'ratio' is 0\.0 \(float\), expected float in \(0, 1\]"),
        ({"name": "wagle", "ratio": 1.2}, {}, r"'ratio' is 1\.2"),
        ({"name": "wagle", "mu": 0.0}, {}, r"'mu' is 0\.0"),
        ({"name": "wagle", "share": 0.2}, {}, r"no key 'share'"),
        ("wagle", {"lora": True}, r"wagle does not work where an adapter is trained"),
        ("wagle", {"objective": "nll"}, r"no responses that are to be forgotten: it reads chosen"),
        ("wagle", {"objective": "gradient-ascent", "data": "forget"}, r"no responses that are to be kept"),
    ],
)
def test_what_cannot_work_is_refused(
    parameters: Any, changed: dict[str, Any], told: str, unlearning: dict[str, Any], train: Train
) -> None:
    if changed.get("data") == "forget":
        changed = {**changed, "data": {"forget": unlearning["data"]["forget"]}}
    elif changed.get("objective"):
        changed = {**changed, "data": unlearning["data"]["retain"]}
    with pytest.raises(ConfigurationError, match=told):
        train(**{**unlearning, **changed}, parameters=parameters)


def test_an_empty_retain_set_is_refused(unlearning: dict[str, Any], train: Train) -> None:
    with pytest.raises(PenchantError, match="retain"):
        train(**{**unlearning, "data": {**unlearning["data"], "retain": []}}, parameters="wagle")


def test_judgements_of_one_class_have_no_set_to_keep(train: Train) -> None:
    from training.parameters.conftest import judged

    bad = [row for row in judged() if not row["label"]]
    with pytest.raises(ConfigurationError, match="hold no response that is to be kept"):
        train(data=bad, objective="kto", parameters="wagle")


def test_a_checkpoint_without_its_mask_is_refused(unlearning: dict[str, Any], train: Train) -> None:

    recipe = {**unlearning, "parameters": "random", "save_every": 1}
    run = train(**recipe)
    for checkpoint in (run.folder / "checkpoints").iterdir():
        (checkpoint / "parameters.pt").unlink()
    with pytest.raises(CheckpointError, match=r"No checkpoint can be used .*parameters\.pt is missing"):
        train(**recipe, resume=True)


def test_divided_weights_are_refused_before_anything_is_loaded() -> None:
    from penchant.training import make_recipe
    from penchant.training.devices.processes import Processes

    recipe = make_recipe({"model": "none", "data": "none", "parameters": "mrp"})
    strategy = build_strategy(recipe.parameters)
    assert strategy is not None
    with pytest.raises(ConfigurationError, match="mrp does not work where weights are divided"):
        strategy.check_recipe(recipe, Processes(2, 0, "fsdp"))


def test_an_online_run_refuses_a_strategy() -> None:
    from penchant.online.recipe import make_online_recipe

    with pytest.raises(ConfigurationError, match=r"^parameters: An online run trains all weights"):
        make_online_recipe({"method": "grpo", "model": "m", "data": "sums.jsonl", "parameters": "wagle"})


def test_packing_is_undone() -> None:
    mask = torch.rand(3, 7, generator=torch.Generator().manual_seed(0)) > 0.5
    assert torch.equal(unpacked(packed(mask), mask.shape), mask)
    assert len(packed(mask)) == 3
