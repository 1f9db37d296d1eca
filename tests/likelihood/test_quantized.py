"""QLoRA on the machine at hand: quantized layers train, and policy and reference are one model at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import penchant
from penchant.evaluation.scoring import score
from penchant.likelihood import load_model
from penchant.likelihood.loading import keep_training_kernel
from small_runs import metrics, model_folder, pairs


class Packing(torch.nn.Linear):
    """A layer that would repack its weights."""

    support_avx512bf16_for_cpu = True


def test_layers_of_bitsandbytes_do_not_repack_their_weights() -> None:
    model = torch.nn.Sequential(Packing(2, 2), torch.nn.Linear(2, 2))
    keep_training_kernel(model)
    assert model[0].support_avx512bf16_for_cpu is False
    assert not hasattr(model[1], "support_avx512bf16_for_cpu")


@pytest.mark.parametrize("checkpointing", [False, True])
def test_an_adapter_on_quantized_weights_is_trained_and_continued(checkpointing: bool, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="the extra 'quantized' is not installed")
    folder = model_folder(tmp_path / "model")
    options = {"max_steps": 3, "learning_rate": 0.03, "samples": 0, "warmup": 0.0, "batch_size": 4}
    options["gradient_checkpointing"] = checkpointing
    lora = {"rank": 2, "quantize": "4bit"}
    first = penchant.train(folder, pairs(), output=tmp_path / "first", lora=lora, **options)
    assert metrics(first.folder)[1]["rewards/margin"] == 0.0
    told = first.summary["after"]["rewards/margin"]
    assert told > 1e-2
    quantized = load_model(folder, quantize="4bit")
    again = load_model(first.folder / "adapter", quantize="4bit")
    found = score(again, pairs(), reference=quantized, tokenizer=first.tokenizer, beta=0.1).summary()["margin/reward"]
    assert found == pytest.approx(told, abs=1e-3)
    for choice, more in (("continue", {"quantize": "4bit"}), ("new", lora)):
        second = penchant.train(
            first.folder / "adapter", pairs(), output=tmp_path / choice, adapter=choice, lora=more, **options
        )
        assert abs(second.summary["before"]["rewards/margin"]) < 1e-5
        assert second.summary["after"]["rewards/margin"] > 1e-2
