"""Online runs start from an adapter folder; its state at the start is the reference of every round."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from penchant.training.run import Result

Run = Callable[..., Result]


def test_an_adapter_is_trained_online(online: Run, folder: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    model.save_pretrained(tmp_path / "adapter")
    run = online(model=str(tmp_path / "adapter"), iterations=2, method="grpo")
    saved = AutoModelForCausalLM.from_pretrained(run.folder / "model")
    start = model.merge_and_unload().state_dict()
    moved = {name: (value - start[name]).abs().max().item() for name, value in saved.state_dict().items()}
    assert {name for name, change in moved.items() if change > 1e-5} == {
        f"model.layers.{layer}.self_attn.{name}_proj.weight" for layer in (0, 1) for name in "qv"
    }
    assert moved["model.embed_tokens.weight"] == pytest.approx(0.0)
