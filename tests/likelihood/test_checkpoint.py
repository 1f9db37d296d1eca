"""The loader: files and configuration of a model fit each other, or an error names what does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForSequenceClassification, T5Config, T5ForConditionalGeneration

from families import VOCABULARY, tiny_model
from penchant.errors import ModelError
from penchant.likelihood import load_model
from penchant.likelihood.loading import load_reward_model
from penchant.rendering import load_tokenizer
from small_runs import model_folder

Change = Callable[[dict[str, torch.Tensor]], None]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama with its tokenizer."""
    return model_folder(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def configure(folder: Path, **values: Any) -> None:
    """Change ``config.json``."""
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}), encoding="utf-8")


def change(folder: Path, changed: Change) -> None:
    """Change the weights in the file."""
    weights = load_file(folder / "model.safetensors")
    changed(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocab_size": 70}, r"another shape.*'lm_head.weight': \[60, 32\] in the files, \[70, 32\] by config"),
        ({"num_hidden_layers": 1}, r"9 of the weights in the files have no place in LlamaForCausalLM.*layers\.1\."),
        ({"num_hidden_layers": 3}, r"9 of the model's weights are not in its files.*layers\.2\."),
        ({"num_attention_heads": 0}, "num_attention_heads = 0; expected at least 1"),
        ({"model_type": "no-such-model"}, "configuration cannot be read"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "is a classification or reward model"),
        ({"vision_config": {"hidden_size": 8}}, "vision-language model, which is not supported yet"),
    ],
)
def test_a_configuration_of_another_model_is_refused(copied: Path, values: dict[str, Any], message: str) -> None:
    configure(copied, **values)
    with pytest.raises(ModelError, match=message):
        load_model(copied)


def test_a_configuration_that_is_not_json_is_named_and_not_the_tokenizer(copied: Path) -> None:
    (copied / "config.json").write_text("{nope", encoding="utf-8")
    for load in (load_tokenizer, load_model):
        with pytest.raises(ModelError, match=r"config\.json: The model's configuration is not valid JSON"):
            load(copied)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_are_no_numbers_are_named(copied: Path, number: float, dtype: torch.dtype) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["model.norm.weight"] = weights["model.norm.weight"].to(dtype)
        weights["model.norm.weight"][3] = number

    change(copied, spoil)
    with pytest.raises(ModelError, match=r"1 of the model's tensors contain NaN or infinite.*'model\.norm\.weight'"):
        load_model(copied)


def test_damaged_and_missing_files_are_named(copied: Path) -> None:
    whole = (copied / "model.safetensors").read_bytes()
    (copied / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged or incomplete.*bytes"):
        load_model(copied)
    (copied / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copied / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (copied / "model-00001-of-00002.safetensors").write_bytes(whole)
    with pytest.raises(ModelError, match=r"1 of 2 files of weights are missing.*00002-of"):
        load_model(copied)


def test_a_folder_with_gguf_alone_says_what_to_give(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "model-q4.gguf")
    with pytest.raises(ModelError, match=r"only GGUF weights.*cannot be trained"):
        load_model(copied)


def test_a_pickle_loads_without_running_what_is_in_it(copied: Path, tmp_path: Path) -> None:
    class Touching:
        def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
            return (Path.touch, (tmp_path / "ran",))

    weights = load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    torch.save(weights, copied / "pytorch_model.bin")
    assert torch.equal(load_model(copied).lm_head.weight, weights["lm_head.weight"])
    torch.save({**weights, "bad": Touching()}, copied / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"a pickle that holds more than tensors.*safetensors"):
        load_model(copied)
    assert not (tmp_path / "ran").exists()


def test_a_value_head_is_left_out_with_a_warning(copied: Path, caplog: pytest.LogCaptureFixture) -> None:
    change(copied, lambda weights: weights.update({"v_head.summary.weight": torch.ones(1, 32)}))
    load_model(copied)
    assert "v_head.summary.weight" in caplog.text


def test_tied_weights_may_be_absent(tmp_path: Path) -> None:
    model = tiny_model("gemma2")
    model.save_pretrained(tmp_path)
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path)
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight


def test_an_encoder_decoder_is_named(tmp_path: Path) -> None:
    config = T5Config(vocab_size=20, d_model=8, d_ff=8, num_layers=1, num_heads=2, d_kv=4)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"T5ForConditionalGeneration is an encoder-decoder"):
        load_model(tmp_path)


def test_a_reward_model_needs_its_head(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'score\.weight'.*initialised randomly"):
        load_reward_model(saved)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_labels=1, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForSequenceClassification(config)
    model.save_pretrained(tmp_path)
    assert torch.equal(load_reward_model(tmp_path).score.weight, model.score.weight)


def test_a_run_is_said_to_have_a_model(saved: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(saved, run / "model")
    with pytest.raises(ModelError, match=rf"it has no config.json. Give {run}/model, the model of this run"):
        load_model(run)
