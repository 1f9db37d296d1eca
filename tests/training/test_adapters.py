"""A model with an adapter is trained from where it stands, and what is saved scores what the run reports."""

from __future__ import annotations

import copy
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

import penchant
from families import FAMILIES, tiny_model
from penchant.errors import ConfigurationError, ModelError
from penchant.evaluation.scoring import score
from penchant.likelihood import load_model
from penchant.modalities.modality import Sizes
from penchant.modalities.text import TextModality
from penchant.training import Result, make_recipe
from small_runs import losses, metrics, pairs, word_tokenizer

Train = Callable[..., Result]


def adapt(model: Any, **options: Any) -> Any:
    """A model with an adapter that has been trained."""
    from peft import LoraConfig, get_peft_model

    settings = {"r": 2, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False, **options}
    torch.manual_seed(1)
    return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained adapter of the tiny model, without a tokenizer."""
    path = tmp_path_factory.mktemp("adapter")
    adapt(AutoModelForCausalLM.from_pretrained(folder)).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose output head is its embedding."""
    path = tmp_path_factory.mktemp("tied")
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(_config("llama", tie_word_embeddings=True))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(std=weight.shape[-1] ** -0.5)
    model.save_pretrained(path)
    word_tokenizer().save_pretrained(path)
    return path


def _config(family: str, **changed: Any) -> Any:
    config = FAMILIES[family]()
    for name, value in changed.items():
        setattr(config, name, value)
    return config


def margin(model: Any, reference: Any, **options: Any) -> float:
    """The mean margin of the rewards, as ``penchant score`` computes it."""
    return float(score(model, pairs(), reference=reference, beta=0.1, **options).summary()["margin/reward"])


def reported(run: Result) -> float:
    """The margin after training that the run reports; before, it is 0."""
    assert abs(run.summary["before"]["rewards/margin"]) < 1e-5
    return float(run.summary["after"]["rewards/margin"])


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"adapter": "continue"},
        {"reference": "cached"},
        {"adapter": "new"},
        {"adapter": "new", "lora": {"rank": 3, "targets": ["k_proj", "v_proj"]}},
        {"adapter": "merge_first"},
        {"adapter": "merge_first", "lora": {"rank": 2}},
    ],
    ids=str,
)
def test_what_is_saved_scores_what_is_reported(
    choice: dict[str, Any], train: Train, adapter: Path, tmp_path: Path
) -> None:
    cache = {"cache": str(tmp_path / "cache")} if "reference" in choice else {}
    run = train(model=adapter, learning_rate=0.3, max_steps=4, **choice, **cache)
    told = reported(run)
    assert told > 1e-2, "the adapter was trained"
    saved = [run.folder / "model"] + ([] if choice.get("adapter") == "merge_first" else [run.folder / "adapter"])
    assert (run.folder / "adapter").exists() == (len(saved) == 2)
    for each in saved:
        assert margin(each, adapter) == pytest.approx(told, abs=2e-4), each
    frozen = choice.get("adapter") != "merge_first" or "lora" in choice
    assert (run.summary["trained_parameters"] < run.summary["parameters"] / 2) is frozen


@pytest.mark.parametrize("choice", ["continue", "new"])
def test_an_interrupted_run_of_an_adapter_goes_on_as_if_it_had_not_been(
    choice: str, train: Train, adapter: Path
) -> None:
    import shutil

    recipe: dict[str, Any] = {
        "model": adapter,
        "adapter": choice,
        "max_steps": 4,
        "save_every": 2,
        "learning_rate": 0.1,
    }
    whole = train("whole", **recipe)
    shutil.copytree(whole.folder, whole.folder.with_name("part"))
    part = whole.folder.with_name("part")
    shutil.rmtree(part / "checkpoints" / "checkpoint-4")
    again = train("part", resume=True, **recipe)
    assert losses(again.folder) == losses(whole.folder)
    assert reported(again) == pytest.approx(reported(whole), abs=1e-6)


@pytest.mark.parametrize("kind", ["initial", "cached"])
def test_an_adapter_in_memory_keeps_its_start_as_reference(kind: str, train: Train, tmp_path: Path) -> None:
    model = adapt(tiny_model("llama"))
    start = copy.deepcopy(model)
    run = train(model=model, tokenizer=word_tokenizer(), reference=kind, cache=str(tmp_path), learning_rate=0.3)
    tokenizer = word_tokenizer()
    assert margin(run.model, start, tokenizer=tokenizer) == pytest.approx(reported(run), abs=2e-4)
    assert reported(run) > 1e-2
    assert abs(metrics(run.folder)[1]["rewards/margin"]) < 1e-5


def test_a_frozen_adapter_in_memory_is_named(train: Train, adapter: Path, folder: Path) -> None:
    from peft import PeftModel

    def given() -> Any:
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), adapter)
        return {"model": model, "tokenizer": AutoTokenizer.from_pretrained(folder)}

    with pytest.raises(ConfigurationError, match=r"adapter 'default', whose weights are frozen.*adapter=continue"):
        train(**given())
    assert reported(train(**given(), adapter="continue", learning_rate=0.3)) > 1e-2
    run = train("new", **given(), adapter="new", learning_rate=0.3)
    assert margin(run.folder / "adapter", adapter, base=str(folder)) == pytest.approx(reported(run), abs=2e-4)


@pytest.mark.parametrize(
    ("lora", "separated"),
    [
        ({"targets": ["q_proj", "lm_head"]}, True),
        ({"targets": ["q_proj", "embed_tokens"]}, True),
        ({"targets": ["q_proj"], "modules_to_save": ["lm_head"]}, True),
        ({"targets": ["q_proj"], "modules_to_save": ["embed_tokens"]}, True),
        ({"targets": ["q_proj"], "dora": True, "rslora": True}, False),
        ({"targets": ["q_proj", "v_proj"], "bias": "all", "layers_to_transform": [1]}, False),
    ],
    ids=str,
)
def test_a_tied_head_is_exact(lora: dict[str, Any], separated: bool, train: Train, tied: Path) -> None:
    run = train(model=tied, lora={"rank": 2, **lora}, learning_rate=0.3, max_steps=4)
    told = reported(run)
    assert told > 1e-3
    assert margin(run.folder / "model", tied) == pytest.approx(told, abs=2e-4)
    assert margin(run.folder / "adapter", tied) == pytest.approx(told, abs=2e-4)
    loaded = AutoModelForCausalLM.from_pretrained(run.folder / "model")
    ends = loaded.get_input_embeddings().weight, loaded.get_output_embeddings().weight
    assert (ends[0] is not ends[1]) is separated


@pytest.mark.parametrize("precompute", [False, True])
def test_the_reference_is_the_model_that_is_named(
    precompute: bool, train: Train, folder: Path, adapter: Path, tmp_path: Path
) -> None:
    named = {"model": str(folder), "adapter": str(adapter), "cached": precompute}
    run = train(reference=named, cache=str(tmp_path / "cache"), learning_rate=0.1)
    before, after = (run.summary[when]["rewards/margin"] for when in ("before", "after"))
    assert before == pytest.approx(margin(folder, adapter), abs=1e-5) and abs(before) > 1e-3
    assert after == pytest.approx(margin(run.folder / "model", adapter), abs=1e-5)
    assert run.summary["reference"] == ("cached" if precompute else "model")


def test_a_cached_reference_leaves_the_memory_before_the_policy_is_loaded(
    train: Train, folder: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gc
    import weakref

    from penchant.likelihood.references import named
    from penchant.modalities.text import TextModality

    alive: list[Any] = []
    at_load: list[bool] = []

    def load(*given: Any) -> nn.Module:
        model: nn.Module = load_reference(*given)
        alive.append(weakref.ref(model))
        return model

    def policy(self: TextModality, device: torch.device) -> nn.Module:
        gc.collect()
        at_load.extend(each() is not None for each in alive)
        return load_policy(self, device)

    load_reference, load_policy = named.load_reference, TextModality.load
    monkeypatch.setattr("penchant.modalities.text.load_reference", load)
    monkeypatch.setattr(TextModality, "load", policy)
    train(reference={"model": str(adapter), "cached": True}, cache=str(tmp_path / "cache"))
    assert at_load == [False]


def test_a_reference_in_memory(train: Train, folder: Path, adapter: Path) -> None:
    other = adapt(AutoModelForCausalLM.from_pretrained(folder))
    weights = {name: value.clone() for name, value in other.state_dict().items()}
    run = train(reference=other, learning_rate=0.1)
    assert run.summary["before"]["rewards/margin"] == pytest.approx(margin(folder, adapter), abs=1e-5)
    assert all(torch.equal(value, weights[name]) for name, value in other.state_dict().items())
    model = AutoModelForCausalLM.from_pretrained(folder)
    with pytest.raises(ConfigurationError, match=r"reference is the model that is trained.*'initial'"):
        train("same", model=model, reference=model, tokenizer=AutoTokenizer.from_pretrained(folder))


def test_a_reference_of_another_vocabulary_names_both(train: Train, folder: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<more>"])
    model = AutoModelForCausalLM.from_pretrained(folder)
    other = tmp_path / "other"
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(other)
    tokenizer.save_pretrained(other)
    with pytest.raises(ModelError, match=rf"{other} .*{folder} .*different vocabularies: '<more>'.*not in the vocab"):
        train(model=other, reference={"model": str(folder)})
    with pytest.raises(ModelError, match="different vocabularies"):
        score(other, pairs(), reference=folder)
    small = AutoModelForCausalLM.from_pretrained(folder)
    small.resize_token_embeddings(9)
    with pytest.raises(
        ModelError, match=r"tokens up to number \d+, but the embedding of in memory .* has only \d+ rows"
    ):
        train(model=other, reference=small)
    assert train("larger", reference={"model": str(other)}).summary["reference"] == "model", "more tokens do no harm"


@pytest.mark.parametrize(
    ("stated", "told"),
    [(None, "names none"), ("/no/such/base", "names '/no/such/base'"), ("../gone", "names '../gone'")],
)
def test_an_adapter_without_a_base_says_which_key_gives_it(
    stated: str | None, told: str, train: Train, folder: Path, adapter: Path, tmp_path: Path
) -> None:
    import json
    import shutil

    lost = tmp_path / "lost"
    shutil.copytree(adapter, lost)
    config = json.loads((lost / "adapter_config.json").read_text())
    (lost / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": stated}))
    with pytest.raises(ModelError, match=rf"adapter_config.json {told}.*base=FOLDER_OR_ID"):
        train(model=lost)
    assert reported(train(model=lost, base=str(folder), learning_rate=0.3)) > 1e-2
    shutil.copytree(folder, lost / "beside")
    (lost / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": "beside"}))
    assert margin(lost, adapter) == pytest.approx(0.0, abs=1e-6), "a relative path starts at the adapter too"


@pytest.mark.parametrize(("family", "changed"), [("gpt2", {}), ("llama", {"num_hidden_layers": 1})])
def test_an_adapter_on_the_wrong_base_is_refused(
    family: str, changed: dict[str, Any], train: Train, adapter: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    AutoModelForCausalLM.from_config(_config(family, **changed)).save_pretrained(base)
    word_tokenizer().save_pretrained(base)
    with pytest.raises(ModelError, match=r"adapter cannot be loaded on .*another model.*base=FOLDER_OR_ID"):
        train(model=adapter, base=str(base))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"lora": {"rank": 2}}, r"already has an adapter.*adapter=new.*adapter=merge_first"),
        ({"adapter": "new", "lora": {"rank": 2, "dora": True}}, r"cannot be stacked.*use_dora.*merge_first"),
        ({"adapter": "merge_first", "lora": {"quantize": "4bit"}}, r"cannot be merged into a quantized model"),
        ({"adapter": "new", "lora": {"targets": ["no_such_layer"]}}, r"No adapter can be put on \['no_such_layer'\]"),
    ],
    ids=str,
)
def test_choices_that_do_not_fit_are_refused(keys: dict[str, Any], told: str, train: Train, adapter: Path) -> None:
    with pytest.raises(ConfigurationError, match=told):
        train(model=adapter, **keys)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"adapter": "new"}, r"the model has no adapter"),
        ({"lora": {"bias": "lora_only", "init_lora_weights": "no_such_init"}}, r"lora"),
    ],
    ids=str,
)
def test_choices_for_a_model_without_an_adapter(keys: dict[str, Any], told: str, train: Train) -> None:
    with pytest.raises(ConfigurationError, match=told):
        train(**keys)


def test_fields_of_peft_reach_the_adapter(train: Train) -> None:
    import json

    lora = {"r": 3, "lora_alpha": 5, "target_modules": ["q_proj"], "use_rslora": True, "layers_to_transform": [0]}
    run = train(lora=lora, max_steps=1)
    config = json.loads((run.folder / "adapter" / "adapter_config.json").read_text())
    assert {name: config[name] for name in lora} == lora


def test_a_dry_run_reads_the_shape_of_the_base(adapter: Path, tmp_path: Path) -> None:
    from penchant.modalities.language_model import model_shape

    assert model_shape(str(adapter)).config.num_hidden_layers == 2
    assert penchant.__version__


def test_an_adapter_with_nan_is_refused(folder: Path, adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(adapter, tmp_path / "spoilt")
    file = tmp_path / "spoilt" / "adapter_model.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[0]
    tensors[name].view(-1)[0] = torch.nan
    save_file(tensors, file)
    with pytest.raises(ModelError, match="NaN or infinite") as caught:
        load_model(tmp_path / "spoilt")
    assert name in str(caught.value)


def test_the_plan_counts_an_adapter_folder_and_a_named_reference(folder: Path, adapter: Path) -> None:
    def parts(**keys: Any) -> dict[str, float]:
        recipe = make_recipe({"model": str(folder), "data": "d", "device": "cpu", **keys})
        return TextModality(recipe).estimate(Sizes(64, measured=64), needs_reference=True).parts

    whole, continued = parts(), parts(model=str(adapter))
    assert whole["reference"] > 0 and "reference" not in continued
    assert continued["optimizer"] < whole["optimizer"] / 2
    assert parts(model=str(adapter), adapter="merge_first")["optimizer"] == whole["optimizer"]
    beside = parts(reference={"model": str(folder)})
    before = parts(reference={"model": str(folder), "cached": True})
    assert beside["reference"] == whole["reference"] and "beforehand" not in beside
    assert before["beforehand"] > whole["reference"] and "reference" not in before


def test_a_configuration_of_peft_is_read_as_its_fields() -> None:
    from peft import LoraConfig

    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], use_rslora=True, task_type="CAUSAL_LM")
    lora = make_recipe({"model": "m", "data": "d", "lora": config}).lora
    assert lora is not None and (lora.rank, lora.alpha, lora.rslora) == (4, 8.0, True)
    assert lora.targets == ["q_proj", "v_proj"] and lora.model_fields_set == {"rank", "alpha", "targets", "rslora"}
    usual = make_recipe({"model": "m", "data": "d", "lora": LoraConfig()}).lora
    assert usual is not None and (usual.rank, usual.alpha) == (8, 8.0), "PEFT's defaults, not ours"


def test_a_new_adapter_comes_without_advice_of_other_libraries(capfd: pytest.CaptureFixture[str]) -> None:
    """PEFT asks transformers for an attribute by its former name, and the user read of it at each adapter."""
    from penchant.likelihood.adapters import adapter_config_of, add_adapter

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        add_adapter(
            tiny_model("llama"),
            adapter_config_of("lora", {"task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"]}),
        )
    assert capfd.readouterr().err == ""
