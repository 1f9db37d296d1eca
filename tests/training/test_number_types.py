"""Checkpoints in reduced number types train like float32 ones, and are saved in their own type."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from families import tiny_model
from penchant.likelihood import load_model
from penchant.likelihood.references import rounded
from penchant.training import assembly
from penchant.training.interrupt import Interrupt, Interrupted
from small_runs import losses, metrics, model_folder, weights, word_tokenizer
from training.conftest import Train

EXACT = {"optimizer": "adamw_torch", "learning_rate": 1e-5, "max_steps": 6}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model in three number types."""
    folder = tmp_path_factory.mktemp("copies")
    found = {}
    for name in ("float32", "bfloat16", "float16"):
        found[name] = folder / name
        model_folder(found[name])
        model: Any = tiny_model("llama")
        model.to(getattr(torch, name)).save_pretrained(found[name])
    return found


@pytest.mark.parametrize("stored", ["bfloat16", "float16"])
def test_the_margin_is_that_of_the_float32_checkpoint(train: Train, copies: dict[str, Path], stored: str) -> None:
    exact = train("exact", model=copies["float32"], **EXACT).summary["after"]["rewards/margin"]
    result = train("reduced", model=copies[stored], **EXACT)
    assert result.summary["before"]["rewards/margin"] == 0.0
    assert result.summary["after"]["rewards/margin"] == pytest.approx(exact, rel=0.05)
    assert {str(each.dtype) for each in weights(result.folder).values()} == {f"torch.{stored}"}
    assert {each.dtype for each in load_model(result.folder / "model").parameters()} == {getattr(torch, stored)}


@pytest.mark.parametrize("precision", [None, "bfloat16"])
def test_no_weight_moves_far_in_one_step(train: Train, copies: dict[str, Path], precision: str | None) -> None:
    rate = 1e-3
    changed = {} if precision is None else {"precision": precision}
    for stored in ("float32", "bfloat16"):
        keys = {**EXACT, "learning_rate": rate, "max_steps": 1, **changed}
        run = train(stored, model=copies[stored], **keys).folder
        before, after = load_file(copies[stored] / "model.safetensors"), weights(run)
        assert max((after[name].float() - before[name].float()).abs().max().item() for name in after) < 100 * rate


def test_rounding_that_loses_the_training_is_said(train: Train, copies: dict[str, Path]) -> None:
    result = train(model=copies["bfloat16"], **{**EXACT, "learning_rate": 1e-7})
    assert any("rounding keeps" in each for each in result.summary["warnings"])
    result = train("float32", model=copies["float32"], **{**EXACT, "learning_rate": 1e-7})
    assert not any("rounding keeps" in each for each in result.summary["warnings"])


def test_weights_as_stored_come_with_a_warning(train: Train, copies: dict[str, Path]) -> None:
    result = train(model=copies["bfloat16"], weights="stored", **EXACT)
    assert any("trained in bfloat16, as they are stored" in each for each in result.summary["warnings"])
    assert result.model.lm_head.weight.dtype == torch.bfloat16
    moved = weights(result.folder)
    before = load_file(copies["bfloat16"] / "model.safetensors")
    assert sum((moved[name] != before[name]).sum().item() for name in moved) < 0.2 * sum(
        each.numel() for each in moved.values()
    )


def test_an_adapter_is_float32_on_a_base_as_stored(train: Train, copies: dict[str, Path]) -> None:
    result = train(model=copies["bfloat16"], lora={"rank": 2}, **EXACT)
    assert result.summary["before"]["rewards/margin"] == 0.0
    assert {each.dtype for each in load_file(result.folder / "adapter" / "adapter_model.safetensors").values()} == {
        torch.float32
    }
    assert {each.dtype for each in weights(result.folder).values()} == {torch.bfloat16}


@pytest.mark.parametrize("whole", [["lm_head"], ["embed_tokens"], ["norm", "mlp"]])
def test_layers_trained_whole_beside_an_adapter_are_float32(
    train: Train, copies: dict[str, Path], whole: list[str]
) -> None:
    lora = {"rank": 2, "targets": ["q_proj"], "modules_to_save": whole}
    result = train(model=copies["bfloat16"], lora=lora, **{**EXACT, "learning_rate": 1e-3})
    assert result.summary["before"]["rewards/margin"] == 0.0
    assert result.summary["after"]["rewards/margin"] > 0
    assert {each.dtype for each in weights(result.folder).values()} == {torch.bfloat16}
    assert result.model(torch.tensor([[1, 2, 3]])).logits.dtype == torch.bfloat16


@pytest.mark.parametrize("form", ["named", "cached", "memory"])
def test_a_reference_computes_as_the_policy_does(train: Train, copies: dict[str, Path], form: str) -> None:
    given: Any = {"model": str(copies["bfloat16"]), "cached": form == "cached"}
    if form == "memory":
        given = load_model(copies["bfloat16"])
    result = train(model=copies["bfloat16"], reference=given, **EXACT)
    # Cached values come from other batches, which round differently in the last bit of float32.
    expected = pytest.approx(0, abs=1e-6) if form == "cached" else 0.0
    assert result.summary["before"]["rewards/margin"] == expected
    if form == "memory":
        assert {each.dtype for each in given.parameters()} == {torch.bfloat16}


def test_a_model_in_memory_is_converted_and_comes_back_in_its_type(train: Train) -> None:
    model = tiny_model("llama").to(torch.bfloat16)
    before = model.model.embed_tokens.weight.clone()  # type: ignore[union-attr, operator]
    result = train(model=model, tokenizer=word_tokenizer(), **{**EXACT, "learning_rate": 1e-2})
    assert result.model is model and {each.dtype for each in model.parameters()} == {torch.bfloat16}
    assert not torch.equal(model.model.embed_tokens.weight, before)  # type: ignore[union-attr]


def test_a_resumed_run_continues_with_the_masters(
    train: Train, copies: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"model": copies["bfloat16"], **EXACT, "save_every": 2}
    whole = train("whole", **keys)

    def stop(self: Interrupt, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.asked = control.should_training_stop = state.global_step == 2

    with monkeypatch.context() as patched:
        patched.setattr(Interrupt, "on_step_end", stop)
        with pytest.raises(Interrupted):
            train("halves", **keys)
    assert losses(train("halves", resume=True, **keys).folder) == losses(whole.folder)
    first, second = weights(whole.folder), weights(whole.folder.parent / "halves")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_float16_on_a_cpu_is_said_to_be_float32(train: Train, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "penchant"):
        lowered = train("lowered", precision="float16")
    assert any("computed in float32" in each for each in lowered.summary["warnings"])
    assert losses(lowered.folder) == losses(train("plain").folder)


def test_the_auxiliary_loss_of_a_mixture_is_added_and_logged(train: Train, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mixture", "mixtral")
    keys = {"model": folder, "max_steps": 1, "batch_size": 12}
    plain = metrics(train("off", router_aux_loss=False, **keys).folder)[1]
    assert "aux_loss" not in plain
    for accumulate in (1, 3):
        added = metrics(train(f"on-{accumulate}", router_aux_loss=0.5, accumulate=accumulate, **keys).folder)[1]
        assert added["loss"] == pytest.approx(plain["loss"] + 0.5 * added["aux_loss"], rel=1e-5)
        assert added["aux_loss"] >= 1.9  # k = 2 if experts are used equally


def test_in_bfloat16_the_frozen_reference_is_rounded_once_and_every_number_stays(
    train: Train, copies: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[int] = []
    seen = rounded.keep_rounded

    def counted(*given: Any) -> int:
        freed.append(seen(*given))
        return freed[-1]

    keys = {"model": copies["float32"], "precision": "bfloat16", **EXACT, "accumulate": 2}
    monkeypatch.setattr(assembly, "keep_rounded", counted)
    once = train("once", **keys)
    monkeypatch.setattr(assembly, "keep_rounded", lambda *_given: 0)
    each_time = train("each-time", **keys)
    assert len(freed) == 1 and freed[0] > 0
    assert once.summary["before"]["rewards/margin"] == 0.0
    assert losses(once.folder) == losses(each_time.folder)
    assert once.summary["after"] == each_time.summary["after"]
