"""Files of TRL, LLaMA-Factory and axolotl become recipes that mean the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from penchant.cli.app import main
from penchant.errors import ConfigurationError, OutputError
from penchant.objectives import build
from penchant.objectives.core.registry import OBJECTIVES
from penchant.training import read_recipe
from penchant.training.coming_from.conversion import Converted, convert_file, write_recipe
from penchant.training.coming_from.losses import CPO_LOSSES, DPO_LOSSES, cpo, pairwise
from penchant.training.preparation import build_objective


def converted(folder: Path, given: dict[str, Any] | str, name: str = "given.yaml", **options: Any) -> Converted:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(given if isinstance(given, str) else yaml.safe_dump(given), encoding="utf-8")
    return convert_file(path, **options)


TRL_DPO = {
    "model_name_or_path": "org/base-7b",
    "dataset_name": "org/preferences",
    "loss_type": ["sigmoid", "sft"],
    "loss_weights": [1.0, 0.2],
    "beta": 0.01,
    "bf16": True,
    "eval_strategy": "steps",
    "eval_steps": 100,
    "gradient_accumulation_steps": 2,
    "gradient_checkpointing": True,
    "gradient_checkpointing_kwargs": {"use_reentrant": False},
    "learning_rate": "5.0e-7",
    "lr_scheduler_type": "cosine",
    "max_length": 1024,
    "max_prompt_length": 512,
    "truncation_mode": "keep_end",
    "num_train_epochs": 1,
    "optim": "adamw_torch",
    "output_dir": "data/base-7b-dpo",
    "per_device_train_batch_size": 8,
    "save_strategy": "steps",
    "save_steps": 100,
    "save_total_limit": 1,
    "seed": 42,
    "warmup_ratio": 0.1,
    "report_to": ["wandb", "tensorboard"],
    "padding_free": True,
    "dataset_num_proc": 12,
}

LLAMA_FACTORY_DPO = {
    "model_name_or_path": "org/base-8b",
    "trust_remote_code": True,
    "stage": "dpo",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_rank": 8,
    "lora_target": "all",
    "pref_beta": 0.1,
    "pref_loss": "sigmoid",
    "pref_ftx": 0.3,
    "dataset": "chosen_answers",
    "template": "llama3",
    "cutoff_len": 2048,
    "max_samples": 1000,
    "overwrite_cache": True,
    "preprocessing_num_workers": 16,
    "output_dir": "saves/base-8b/lora/dpo",
    "logging_steps": 10,
    "save_steps": 500,
    "plot_loss": True,
    "overwrite_output_dir": True,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 8,
    "learning_rate": 5.0e-6,
    "num_train_epochs": 3.0,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.1,
    "bf16": True,
    "ddp_timeout": 180000000,
    "val_size": 0.1,
    "eval_strategy": "steps",
    "eval_steps": 500,
}

AXOLOTL_KTO = """
base_model: org/base-1b
load_in_8bit: false
load_in_4bit: true
rl: kto
rl_beta: 0.5
kto_desirable_weight: 0.2
datasets:
  - path: org/judgements
    type: llama3.ultra
    split: train
val_set_size: 0.0
output_dir: ./outputs/qlora-out
remove_unused_columns: false
adapter: qlora
lora_model_dir:
sequence_len: 2048
sample_packing: false
lora_r: 32
lora_alpha: 64
lora_target_linear: true
wandb_project: trials
gradient_accumulation_steps: 4
micro_batch_size: 2
num_epochs: 1
optimizer: adamw_8bit
lr_scheduler: cosine
learning_rate: 0.0002
bf16: auto
tf32: true
gradient_checkpointing: true
flash_attention: true
warmup_steps: 20
saves_per_epoch: 1
special_tokens:
  eos_token: "<|end|>"
  pad_token: "<|pad|>"
"""


def test_a_file_of_trl(tmp_path: Path) -> None:
    found = converted(tmp_path, TRL_DPO, processes=4)
    assert found.library == "TRL"
    assert found.recipe == {
        "model": "org/base-7b",
        "data": "org/preferences",
        "objective": {"name": "dpo+0.2*nll", "dpo.beta": 0.01},
        "precision": "bfloat16",
        "gradient_checkpointing": True,
        "split": "train",
        "eval_split": "test",
        "max_length": 1024,
        "truncation": "prompt_left",
        "batch_size": 64,
        "accumulate": 2,
        "epochs": 1,
        "learning_rate": 5e-7,
        "schedule": "cosine",
        "warmup": 0.1,
        "optimizer": "adamw_torch",
        "seed": 42,
        "output": "data/base-7b-dpo",
        "eval_every": 100,
        "save_every": 100,
        "keep_checkpoints": 1,
        "report_to": ["wandb", "tensorboard"],
    }
    said = "\n".join(found.remarks)
    assert "batch_size=64 is per_device_train_batch_size 8 × accumulation 2 × 4 processes" in said
    assert "Not translated: max_prompt_length: here it is `max_length` with `truncation`" in said
    assert "Not translated: padding_free: a batch holds no padding" in said


def test_defaults_of_trl_are_written_out(tmp_path: Path) -> None:
    found = converted(tmp_path, {"model_name_or_path": "m", "dataset_name": "d.jsonl"}, "dpo/base.yaml")
    want = {"epochs": 3.0, "warmup": 0.0, "max_length": 1024, "gradient_checkpointing": True, "batch_size": 8}
    assert want.items() <= found.recipe.items()
    assert "learning_rate" not in found.recipe, "both defaults are 1e-6"
    assert "split" not in found.recipe, "a file has no splits"
    assert any("epochs=3.0" in remark and "TRL's defaults" in remark for remark in found.remarks)


WEIGHTS = {"beta": 0.1, "desirable_weight": 1.2, "undesirable_weight": 1.0}


@pytest.mark.parametrize(
    ("keys", "objective"),
    [
        ({"desirable_weight": 1.5}, {"name": "kto", "beta": 0.1, "desirable_weight": 1.5, "undesirable_weight": 1.0}),
        ({"packing": True}, {"name": "nll"}),
        ({"desirable_weight": 1.2, "loss_type": "apo_zero_unpaired"}, {"name": "apo-zero-unpaired", **WEIGHTS}),
        ({"cpo_alpha": 0.5}, {"name": "cpo", "beta": 0.1, "cpo_alpha": 0.5}),
        ({"loss_type": "ipo", "beta": 0.2}, {"name": "ipo", "beta": 0.2}),
        ({"loss_type": "robust", "label_smoothing": 0.1}, {"name": "rdpo", "beta": 0.1, "label_smoothing": 0.1}),
        ({"label_smoothing": 0.1}, {"name": "cdpo", "beta": 0.1, "label_smoothing": 0.1}),
        ({"rpo_alpha": 0.5}, {"name": "dpo+0.5*nll", "beta": 0.1}),
        ({"ld_alpha": 0.5}, {"name": "tail-weighted(dpo)", "beta": 0.1, "tail-weighted.alpha": 0.5}),
        ({"use_weighting": True}, {"name": "wpo-weighted(dpo)", "beta": 0.1}),
        ({"f_divergence_type": "js_divergence"}, {"name": "f-dpo", "beta": 0.1, "divergence": "js"}),
    ],
    ids=str,
)
def test_losses_of_trl(keys: dict[str, Any], objective: dict[str, Any], tmp_path: Path) -> None:
    given = {"model_name_or_path": "m", "dataset_name": "d.jsonl", **keys}
    found = converted(tmp_path, given)
    assert found.recipe["objective"] == objective
    write_recipe(found, tmp_path / "recipe.yaml")
    build_objective(read_recipe(tmp_path / "recipe.yaml"))


def test_the_name_of_the_file_names_the_trainer(tmp_path: Path) -> None:
    given = {"model_name_or_path": "m", "dataset_name": "d.jsonl", "beta": 0.3}
    assert converted(tmp_path, given, "orpo/config.yaml").recipe["objective"] == {"name": "orpo", "lambda": 0.3}
    assert converted(tmp_path, given, "x.yaml", trainer="sft").recipe["objective"] == {"name": "nll"}
    unknown = converted(tmp_path, given, "y.yaml")
    assert unknown.recipe["objective"]["name"] == "dpo"
    assert any("--trainer" in remark for remark in unknown.remarks)


@pytest.mark.parametrize("loss", sorted(DPO_LOSSES))
def test_every_loss_of_trl_is_an_objective(loss: str) -> None:
    settings = {"beta": 0.2, "label_smoothing": 0.1, "discopop_tau": 0.03, "ld_alpha": 0.4, "use_weighting": False}
    several = {"sft": ["sigmoid", "sft"], "bco_pair": [loss]}.get(loss, [loss, "sft"])
    for losses in ([loss], several):
        name, hyper = (found := pairwise(losses, None, settings)).pop("name"), found
        objective = build(name, **hyper)
        assert all(key in objective.hyper or any(key in each for each in objective.hyper) for key in hyper)


def test_the_installed_trl_has_no_loss_that_is_forgotten() -> None:
    trl = pytest.importorskip("trl")
    described = trl.DPOConfig.__doc__.partition("loss_type (")[2].partition("loss_weights (")[0]
    named = {word for word in described.split("'") if word.isidentifier()}
    assert {"sigmoid", "hinge", "apo_zero"} <= named, "the description lists them"
    assert named - DPO_LOSSES.keys() == set()


@pytest.mark.parametrize("loss", sorted(CPO_LOSSES))
def test_every_loss_of_cpo_is_an_objective(loss: str) -> None:
    for alpha in (0.0, 0.7):
        found = cpo(loss, {"beta": 2.0, "cpo_alpha": alpha, "simpo_gamma": 1.0, "label_smoothing": 0.0})
        name = found.pop("name")
        assert build(name, **found).hyper.items() >= found.items()


def test_a_file_of_llama_factory_with_its_data_sets(tmp_path: Path) -> None:
    info = {
        "chosen_answers": {
            "file_name": "answers.json",
            "ranking": True,
            "columns": {"prompt": "question", "chosen": "better", "rejected": "worse"},
        }
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset_info.json").write_text(json.dumps(info))
    found = converted(tmp_path, LLAMA_FACTORY_DPO)
    want = {
        "model": "org/base-8b",
        "data": str(tmp_path / "data" / "answers.json"),
        "mapping": {"prompt": "question", "chosen": "better", "rejected": "worse"},
        "objective": {"name": "dpo+0.3*nll", "beta": 0.1},
        "lora": {"rank": 8, "alpha": 16.0},
        "precision": "bfloat16",
        "gradient_checkpointing": True,
        "max_length": 2048,
        "batch_size": 8,
        "accumulate": 8,
        "eval_share": 0.1,
        "eval_every": 500,
    }
    assert found.library == "LLaMA-Factory" and want.items() <= found.recipe.items()
    said = "\n".join(found.remarks)
    assert "Not translated: trust_remote_code: here it is `--trust-remote-code`" in said
    assert "template: here it is `chat_template`" in said
    assert "plot_loss" not in said and "overwrite_cache" not in said


def test_a_data_set_that_is_not_described_is_said(tmp_path: Path) -> None:
    found = converted(tmp_path, {**LLAMA_FACTORY_DPO, "dataset": "first,second", "interleave_probs": "0.7,0.3"})
    assert found.recipe["data"] == [{"path": "first", "weight": 0.7}, {"path": "second", "weight": 0.3}]
    assert sum("is not described in" in remark for remark in found.remarks) == 2


@pytest.mark.parametrize(
    ("keys", "objective"),
    [
        ({"pref_loss": "orpo", "pref_ftx": 0}, {"name": "orpo", "lambda": 0.1}),
        ({"pref_loss": "simpo", "pref_ftx": 0}, {"name": "simpo", "beta": 0.1, "gamma": 0.5}),
        ({"pref_loss": "hinge", "pref_ftx": 0}, {"name": "slic-hinge", "beta": 0.1}),
        ({"stage": "sft"}, {"name": "nll"}),
        ({"stage": "kto", "pref_ftx": 0, "kto_chosen_weight": 2}, {"name": "kto", "desirable_weight": 2.0}),
        ({"dpo_label_smoothing": 0.2, "pref_ftx": 0}, {"name": "cdpo", "label_smoothing": 0.2}),
    ],
    ids=str,
)
def test_losses_of_llama_factory(keys: dict[str, Any], objective: dict[str, Any], tmp_path: Path) -> None:
    found = converted(tmp_path, {**LLAMA_FACTORY_DPO, **keys})
    assert objective.items() <= found.recipe["objective"].items()
    write_recipe(found, tmp_path / "recipe.yaml")
    build_objective(read_recipe(tmp_path / "recipe.yaml"))


@pytest.mark.parametrize(
    ("given", "hyper"),
    [
        ({"model_name_or_path": "m", "dataset_name": "d", "center_rewards_coefficient": 0.01}, 0.01),
        ({**LLAMA_FACTORY_DPO, "stage": "rm"}, 0.0),
        ({"base_model": "m", "datasets": [{"path": "d"}], "reward_model": True, "micro_batch_size": 2}, 0.0),
    ],
    ids=["TRL", "LLaMA-Factory", "axolotl"],
)
def test_files_that_train_a_reward_model(given: dict[str, Any], hyper: float, tmp_path: Path) -> None:
    found = converted(tmp_path, given)
    assert found.recipe["objective"]["name"] == "bt-reward-model"
    write_recipe(found, tmp_path / "recipe.yaml")
    objective = build_objective(read_recipe(tmp_path / "recipe.yaml"))
    assert objective.hyper["center_rewards_coefficient"] == hyper


def test_a_file_of_axolotl(tmp_path: Path) -> None:
    found = converted(tmp_path, AXOLOTL_KTO)
    assert found.library == "axolotl"
    assert found.recipe == {
        "model": "org/base-1b",
        "data": "org/judgements",
        "objective": {"name": "kto", "beta": 0.5, "desirable_weight": 0.2, "undesirable_weight": 1.0},
        "precision": "bfloat16",
        "gradient_checkpointing": True,
        "lora": {"rank": 32, "alpha": 64.0, "quantize": "4bit"},
        "split": "train",
        "end_token": "<|end|>",
        "max_length": 2048,
        "batch_size": 8,
        "accumulate": 4,
        "epochs": 1,
        "learning_rate": 0.0002,
        "schedule": "cosine",
        "warmup": 0.0,
        "optimizer": "adamw_8bit",
        "output": "./outputs/qlora-out",
        "report_to": ["wandb"],
    }
    said = "\n".join(found.remarks)
    assert "warmup_steps=20 becomes a share of the steps" in said
    assert "Not translated: tf32" in said and "sample_packing" not in said, "what is switched off needs no remark"


def test_columns_and_mixtures_of_axolotl(tmp_path: Path) -> None:
    base = {
        "base_model": "m",
        "rl": "dpo",
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "learning_rate": 1e-6,
    }
    one = {
        "path": "json",
        "data_files": ["pairs.jsonl"],
        "type": {"field_prompt": "question", "field_chosen": "better"},
    }
    found = converted(tmp_path, {**base, "datasets": [one]})
    assert found.recipe["data"] == "pairs.jsonl" and "split" not in found.recipe
    assert found.recipe["mapping"] == {"prompt": "question", "chosen": "better"}
    both = converted(tmp_path, {**base, "datasets": [one, {"path": "org/more", "type": "chatml.intel"}]}, "both.yaml")
    assert both.recipe["data"] == ["pairs.jsonl", "org/more"]
    assert both.recipe["schedule"] == "cosine" and both.recipe["warmup"] == 0.03, "axolotl's defaults"


@pytest.mark.parametrize(
    "given",
    [
        {"base_model": "m", "rl": "dpo", "datasets": [{"path": "a.jsonl", "split": "train"}], "adapter": "lora"},
        {"model_name_or_path": "m", "dataset_name": "a.jsonl", "dataset_train_split": "train", "use_peft": True}
        | {"loss_type": "sigmoid"},
        {"model_name_or_path": "m", "stage": "dpo", "dataset": "a.jsonl", "finetuning_type": "lora"},
    ],
    ids=["axolotl", "trl", "llama-factory"],
)
def test_a_converted_adapter_can_be_trained(given: dict[str, Any], tmp_path: Path) -> None:
    found = converted(tmp_path, {**given, "lora_dropout": 0.05})
    assert "dropout" not in found.recipe["lora"], "these libraries switch it off in preference training"
    assert "Left out: lora_dropout=0.05" in "\n".join(found.remarks)
    assert "dropout" not in "\n".join(converted(tmp_path, {**given, "lora_dropout": 0.0}).remarks)
    assert found.recipe.get("split") is None, "a file of one's own has no splits"


@pytest.mark.parametrize(
    ("keys", "objective"),
    [
        ({"rl": "ipo", "rl_beta": 0.3}, {"name": "ipo", "beta": 0.3}),
        ({"rl": "orpo", "orpo_alpha": 0.2}, {"name": "orpo", "lambda": 0.2}),
        ({"rl": "simpo", "rl_beta": 2.0, "cpo_alpha": 0}, {"name": "simpo", "beta": 2.0, "gamma": 0.5}),
        ({"rl": "dpo", "rpo_alpha": 0.5}, {"name": "dpo+0.5*nll", "beta": 0.1}),
        ({}, {"name": "nll"}),
    ],
    ids=str,
)
def test_methods_of_axolotl(keys: dict[str, Any], objective: dict[str, Any], tmp_path: Path) -> None:
    base = {
        "base_model": "m",
        "datasets": [{"path": "d.jsonl"}],
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
    }
    found = converted(tmp_path, {**base, **keys})
    assert found.recipe["objective"] == objective
    assert objective["name"].partition("+")[0] in OBJECTIVES


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model_name_or_path": "m", "num_generations": 8}, "penchant online grpo"),
        ({"base_model": "m", "process_reward_model": True}, "single steps"),
        ({"model_name_or_path": "m", "loss_type": "sigmiod"}, "Did you mean 'sigmoid'?"),
        ({"model_name_or_path": "m", "packing": True, "loss_type": "dft"}, "Nearest is nll"),
        ({"model_name_or_path": "m", "desirable_weight": 1.0, "loss_type": "ktoo"}, "Did you mean 'kto'?"),
        ({"model_name_or_path": "m", "stage": "pt"}, "only dpo, kto, rm, sft and ppo have a counterpart"),
        ({"base_model": "m", "rl": "grpo"}, "penchant online grpo"),
        ({"model": "m", "data": "d"}, "This is no configuration of TRL, LLaMA-Factory or axolotl"),
    ],
    ids=str,
)
def test_what_cannot_be_converted_says_why(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        converted(tmp_path, given)
    assert said in str(caught.value) and "given.yaml" in str(caught.value)


def test_the_command_prints_writes_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, out = tmp_path / "given.yaml", tmp_path / "recipe.yaml"
    given.write_text(yaml.safe_dump(TRL_DPO))
    assert main(["convert", str(given)]) == 0
    printed = capsys.readouterr()
    assert yaml.safe_load(printed.out)["objective"]["name"] == "dpo+0.2*nll"
    assert "padding_free" in printed.err and "padding_free" not in printed.out
    assert main(["convert", str(given), "-o", str(out)]) == 0
    assert read_recipe(out).batch_size == 16 and "# Not translated: padding_free" in out.read_text()
    assert main(["convert", str(given), "-o", str(out)]) == 1
    with pytest.raises(OutputError, match="already exists"):
        write_recipe(convert_file(given), out)


def test_a_file_without_data_says_what_to_add(tmp_path: Path) -> None:
    found = converted(tmp_path, {"model_name_or_path": "m", "loss_type": "hinge"})
    assert "data" not in found.recipe and "The file names no data: add `data` to the recipe." in found.remarks


@pytest.mark.parametrize("key", ["max_steps", "warmup_ratio", "warmup_steps", "lora_dropout", "pref_beta", "val_size"])
@pytest.mark.parametrize("value", ["many", "inf", {"role": "user"}])
def test_a_number_that_is_none_is_named(key: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "dpo.yaml"
    given = {"model_name_or_path": "m", "dataset": "d", "stage": "dpo", "finetuning_type": "lora", key: value}
    path.write_text(yaml.safe_dump(given))
    with pytest.raises(ConfigurationError, match=rf"'{key}' is .*, expected a number"):
        convert_file(path)


def test_a_sum_of_losses_of_two_kinds_of_feedback_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'bco_pair' reads single responses.*Leave bco_pair out"):
        converted(tmp_path, {**TRL_DPO, "loss_type": ["sigmoid", "bco_pair", "sft"], "loss_weights": [0.8, 0.2, 1.0]})


def test_supervised_files_keep_dropout_and_learn_the_same_turns(tmp_path: Path) -> None:
    chat = [{"path": "org/chats", "type": "chat_template"}]
    axolotl = {"base_model": "m", "datasets": chat, "adapter": "lora", "lora_dropout": 0.05, "micro_batch_size": 2}
    factory = {"model_name_or_path": "m", "stage": "sft", "dataset": "a.jsonl", "lora_dropout": 0.05, "template": "x"}
    trl = {"model_name_or_path": "m", "dataset_name": "org/chats", "packing": True, "lora_r": 8, "lora_dropout": 0.05}
    for given in (axolotl, factory, {**trl, "assistant_only_loss": True}):
        recipe = converted(tmp_path, given).recipe
        assert recipe["train_on"] == "assistant" and recipe["lora"]["dropout"] == 0.05
    assert "train_on" not in converted(tmp_path, {**factory, "mask_history": True}).recipe
    assert any("also the user's" in remark for remark in converted(tmp_path, trl).remarks)
    pairs = converted(tmp_path, {**axolotl, "rl": "dpo"})
    assert "train_on" not in pairs.recipe and "dropout" not in pairs.recipe["lora"]


def test_splits_and_columns_of_several_data_sets_are_kept_or_named(tmp_path: Path) -> None:
    mixture = [{"path": "org/a"}, {"path": "org/b", "split": "half"}, {"path": "c.jsonl"}]
    found = converted(tmp_path, {"model_name_or_path": "m", "datasets": mixture, "beta": 0.1})
    assert [part.get("split") for part in found.recipe["data"]] == ["train", "half", None]
    axolotl = {"base_model": "m", "micro_batch_size": 1, "rl": "dpo"}
    both = converted(tmp_path, {**axolotl, "datasets": [{"path": "org/a"}, {"path": "org/b", "split": "train"}]})
    assert both.recipe["split"] == "train"
    apart = converted(tmp_path, {**axolotl, "datasets": [{"path": "org/a"}, {"path": "org/b", "split": "half"}]})
    assert "split" not in apart.recipe and any("half of org/b" in remark for remark in apart.remarks)
    kind = {"field_instruction": "q", "field_input": "c", "field_output": "a", "field_system": "s"}
    own = converted(
        tmp_path, {"base_model": "m", "micro_batch_size": 1, "datasets": [{"path": "a.jsonl", "type": kind}]}
    )
    assert own.recipe["mapping"] == {"prompt": "{q}\n\n{c}", "completion": "a", "system": "s"}


def test_the_template_of_another_model_is_not_taken_for_a_file(tmp_path: Path) -> None:
    found = converted(tmp_path, {**TRL_DPO, "chat_template_path": "org/other"})
    assert "chat_template" not in found.recipe and any("into one" in remark for remark in found.remarks)
    assert converted(tmp_path, {**TRL_DPO, "chat_template_path": "a.jinja"}).recipe["chat_template"] == "a.jinja"


def test_a_likelihood_beside_kto_is_named(tmp_path: Path) -> None:
    given = {"model_name_or_path": "m", "stage": "kto", "dataset": "a.jsonl", "pref_ftx": 0.2, "template": "x"}
    found = converted(tmp_path, given)
    assert found.recipe["objective"]["name"] == "kto" and any("pref_ftx=0.2" in remark for remark in found.remarks)
