"""A model loads from its folder, or an error states the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from families import tiny_model
from penchant.errors import ModelError
from penchant.likelihood import load_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model as ``save_pretrained`` writes it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    tiny_model("llama").save_pretrained(folder)
    return folder


def test_a_saved_model_loads_as_it_was(saved: Path) -> None:
    model = load_model(saved)
    assert not model.training
    for name, value in tiny_model("llama").state_dict().items():
        assert torch.equal(model.state_dict()[name], value)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_the_number_type_is_the_one_asked_for(saved: Path, dtype: str) -> None:
    model = load_model(str(saved), dtype=dtype, device="cpu")
    assert {each.dtype for each in model.parameters()} == {getattr(torch, dtype)}


def test_an_unknown_number_type_is_named_with_the_nearest(saved: Path) -> None:
    with pytest.raises(ModelError, match=r"'bfloat'.*Did you mean 'bfloat16'"):
        load_model(saved, dtype="bfloat")


def test_an_error_names_a_folder_that_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(tmp_path)
    for part in (str(tmp_path), "config.json", "save_pretrained"):
        assert part in str(caught.value)


def test_errors_name_what_does_not_exist() -> None:
    with pytest.raises(ModelError) as caught:
        load_model("/no/such/model")
    assert str(caught.value).startswith("/no/such/model: ")
    assert "Check the path" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_whose_weights_are_damaged_is_refused(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((saved / "config.json").read_bytes())
    with pytest.raises(ModelError, match="No causal language model"):
        load_model(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((saved / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(ModelError, match="No causal language model"):
        load_model(tmp_path)


def test_missing_weights_are_not_made_up(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((saved / "config.json").read_bytes())
    weights = load_file(saved / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 of the model's weights.*'lm_head.weight'.*random"):
        load_model(tmp_path)


def test_an_unknown_quantization_is_refused(saved: Path) -> None:
    with pytest.raises(ModelError, match=r"'8bits'.*4bit"):
        load_model(saved, quantize="8bits")
