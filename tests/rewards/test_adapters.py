"""A judge may be an adapter folder: base, adapter and head come from where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from penchant.errors import ModelError
from penchant.rewards import RewardModel
from small_runs import model_folder, word_tokenizer

RESPONSES = [" the car is red", " red", " the hat is not blue and not green"]


def test_an_adapter_of_a_reward_model_scores_as_when_it_was_saved(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    base = model_folder(tmp_path / "base", pad_token_id=0)
    torch.manual_seed(0)
    model = get_peft_model(
        AutoModelForSequenceClassification.from_pretrained(base, num_labels=1),
        LoraConfig(r=2, target_modules=["q_proj"], task_type="SEQ_CLS", init_lora_weights=False),
    )
    model.save_pretrained(tmp_path / "adapter")
    expected = RewardModel(model, word_tokenizer()).score("which colour", RESPONSES)
    judge = RewardModel(tmp_path / "adapter")
    assert judge.score("which colour", RESPONSES) == pytest.approx(expected, abs=1e-6)
    assert max(expected) - min(expected) > 1e-3


def test_an_adapter_without_a_head_is_refused(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = model_folder(tmp_path / "base")
    config = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(tmp_path / "adapter")
    with pytest.raises(ModelError, match=r"task type CAUSAL_LM, expected SEQ_CLS.*no head that gives a reward"):
        RewardModel(tmp_path / "adapter")
