"""Merged folders: what they hold, what is refused, and what is never touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from families import tiny_model
from penchant.errors import ModelError, OutputError
from penchant.training.merging.averages import Linear, Slerp
from penchant.training.merging.task_vectors import TaskArithmetic
from penchant.training.merging.writer import merge_models

Tuned = Callable[..., Path]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: each for file in sorted(folder.glob("*.safetensors")) for name, each in load_file(file).items()}


def test_shards_number_types_and_settings_are_those_of_the_first_model(tuned: Tuned, tmp_path: Path) -> None:
    first = tuned("first", 1, dtype=torch.bfloat16, max_shard_size="20KB")
    second = tuned("second", 2)
    found = merge_models([first, second], Linear(weights=[1.0, 3.0]), tmp_path / "out")
    assert len(list(first.glob("*.safetensors"))) > 1
    assert {each.name for each in (tmp_path / "out").iterdir()} == {*(e.name for e in first.iterdir()), "merge.json"}
    one, two, out = weights(first), weights(second), weights(found.folder)
    for name, each in out.items():
        assert each.dtype == torch.bfloat16
        assert torch.equal(each, (0.25 * one[name].float() + 0.75 * two[name].float()).bfloat16())
    model = AutoModelForCausalLM.from_pretrained(found.folder)
    assert model(torch.tensor([[1, 5]])).logits.isfinite().all()
    assert AutoTokenizer.from_pretrained(found.folder).eos_token == "</s>"
    assert found.numbers == sum(each.numel() for each in out.values())


def test_an_end_of_slerp_is_the_model_bit_for_bit(tuned: Tuned, tmp_path: Path) -> None:
    first, second = tuned("first", 1), tuned("second", 2)
    merge_models([first, second], Slerp(t=1.0), tmp_path / "out")
    assert all(torch.equal(each, weights(second)[name]) for name, each in weights(tmp_path / "out").items())


def test_tied_embeddings_stay_tied(tmp_path: Path) -> None:
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = tiny_model("llama")
        model.config.tie_word_embeddings = True
        tied = type(model)(model.config)
        tied.save_pretrained(tmp_path / str(seed))
    merge_models([tmp_path / "0", tmp_path / "1"], Linear(), tmp_path / "out")
    assert "lm_head.weight" not in weights(tmp_path / "out")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight


def test_a_run_is_merged_by_its_folder(tuned: Tuned, tmp_path: Path) -> None:
    first, base = tuned("first", 1), tuned("base", 0, noise=0.0)
    (tmp_path / "run").mkdir()
    tuned("second", 2).rename(tmp_path / "run/model")
    merge_models([first, tmp_path / "run"], TaskArithmetic(), tmp_path / "out", base=base)
    one, two, start, out = (weights(tmp_path / each) for each in ("first", "run/model", "base", "out"))
    for name, each in out.items():
        torch.testing.assert_close(each, one[name] + two[name] - start[name])


def altered(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def more_tokens(folder: Path) -> None:
    found = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = found["model"]["vocab"]
    red, blue = vocabulary["red"], vocabulary["blue"]
    vocabulary.update(red=blue, blue=red)
    (folder / "tokenizer.json").write_text(json.dumps(found))


def larger(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"] = torch.zeros(3, 5)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def fewer(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


FAULTS: list[tuple[Callable[[Path], object], str]] = [
    (
        lambda folder: altered(folder, model_type="mistral", rope_theta=5.0),
        "model_type is 'llama' in one and 'mistral'",
    ),
    (lambda folder: altered(folder, rms_norm_eps=0.5), "rms_norm_eps"),
    (more_tokens, "tokenizers differ in their vocabulary"),
    (larger, "embed_tokens.weight has the shape"),
    (fewer, "lacks 1 tensors of .*model.norm.weight"),
    (lambda folder: (folder / "adapter_config.json").write_text("{}"), "adapter, not a whole model"),
    (lambda folder: (folder / "config.json").write_text("["), "not valid JSON"),
    (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 9), "damaged or incomplete"),
    (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "not in safetensors"),
]


@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_models_that_do_not_fit_are_refused(
    tuned: Tuned, tmp_path: Path, fault: Callable[[Path], object], message: str
) -> None:
    first, second = tuned("first", 1), tuned("second", 2)
    fault(second)
    with pytest.raises(ModelError, match=message):
        merge_models([first, second], Linear(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there_is_named(tuned: Tuned, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere: There is no such folder.*hf download"):
        merge_models([tuned("first"), tmp_path / "nowhere"], Linear(), tmp_path / "out")


def test_numbers_that_are_not_finite_are_named(tuned: Tuned, tmp_path: Path) -> None:
    first, second = tuned("first", 1), tuned("second", 2)
    tensors = load_file(second / "model.safetensors")
    tensors["model.norm.weight"][0] = torch.inf
    save_file(tensors, second / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"model\.norm\.weight has numbers that are not finite"):
        merge_models([first, second], Linear(), tmp_path / "out")
    assert not (tmp_path / "out/config.json").exists()
    merge_models([first, first], Linear(), tmp_path / "out", overwrite=True)


def test_only_a_merged_model_is_replaced(tuned: Tuned, tmp_path: Path) -> None:
    models = [tuned("first", 1), tuned("second", 2)]
    merge_models(models, Linear(), tmp_path / "out")
    with pytest.raises(OutputError, match="Give --overwrite"):
        merge_models(models, Linear(), tmp_path / "out")
    merge_models(models, Slerp(t=0.0), tmp_path / "out", overwrite=True)
    assert all(torch.equal(each, weights(models[0])[name]) for name, each in weights(tmp_path / "out").items())
    (tmp_path / "out/notes.txt").write_text("mine")
    for goal in (tmp_path / "out", models[1], tmp_path):
        with pytest.raises(OutputError):
            merge_models(models, Linear(), goal, overwrite=True)
    assert (tmp_path / "out/notes.txt").read_text() == "mine"
    assert len(weights(models[1])) == len(weights(models[0]))


def test_tensors_that_are_not_merged_must_be_equal(tuned: Tuned, tmp_path: Path) -> None:
    models = [tuned("first", 1), tuned("second", 2)]
    for counter, folder in enumerate(models):
        tensors = load_file(folder / "model.safetensors")
        tensors["steps"] = torch.tensor([counter])
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"steps \(I64\) differs"):
        merge_models(models, Linear(), tmp_path / "out")
