"""Files of TRL, LLaMA-Factory and axolotl that train online become recipes of `penchant online` that mean the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.objectives import build
from penchant.online.coming_from.conversion import convert_file
from penchant.online.coming_from.groups import GRPO_LOSSES
from penchant.online.pairing import build_pairing
from penchant.online.recipe import make_online_recipe
from penchant.training.coming_from.conversion import Converted, write_recipe
from penchant.training.recipe_keys import read_keys


def converted(folder: Path, given: dict[str, Any], name: str = "given.yaml", **options: Any) -> Converted:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    for place in ("rewards.py", "my_lib/forms.py"):  # a recipe names functions of files that are there
        (folder / place).parent.mkdir(exist_ok=True)
        names = ("right", "form", "rand_reward", "a", "b")
        (folder / place).write_text("".join(f"def {name}(completions, **fields): ...\n\n\n" for name in names))
    found = convert_file(path, **options)
    out = folder / "recipe.yaml"
    write_recipe(found, out, overwrite=True)
    if found.command == "penchant online":
        recipe = make_online_recipe(read_keys(out, {}), str(out))
        build(recipe.objective["name"], **{key: value for key, value in recipe.objective.items() if key != "name"})
        build_pairing(**recipe.pairing)
    return found


GRPO = {
    "model_name_or_path": "org/base-1b",
    "dataset_name": "org/problems",
    "reward_funcs": ["rewards.right", "my_lib/forms.py:form"],
    "reward_weights": [1.0, 0.2],
    "num_generations": 8,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 4,
    "max_completion_length": 1024,
    "learning_rate": "5e-7",
    "loss_type": "grpo",
    "beta": 0.04,
    "epsilon": 0.1,
    "epsilon_high": 0.28,
    "scale_rewards": False,
    "temperature": 0.7,
    "top_p": 0.9,
    "max_steps": 100,
    "save_steps": 50,
    "eval_strategy": "steps",
    "eval_steps": 25,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.1,
    "max_grad_norm": 0.2,
    "bf16": True,
    "use_vllm": True,
    "vllm_mode": "server",
    "vllm_server_host": "10.0.0.1",
    "num_generations_eval": 4,
    "sync_ref_model": True,
    "ref_model_mixup_alpha": 0.3,
    "mask_truncated_completions": True,
    "log_completions": True,
    "report_to": ["wandb"],
    "seed": 3,
}


def test_grpo_of_trl(tmp_path: Path) -> None:
    found = converted(tmp_path, GRPO, processes=2)
    assert found.library == "TRL" and found.command == "penchant online"
    assert found.recipe == {
        "method": "grpo",
        "model": "org/base-1b",
        "data": "org/problems",
        "split": "train",
        "eval_split": "test",
        "objective": {"name": "grpo", "epsilon_low": 0.1, "epsilon_high": 0.28, "beta": 0.04, "kl_by_ratio": True},
        "pairing": {"name": "group", "scale": "none"},
        "judge": [
            {"name": "function", "path": "rewards.py:right", "weight": 1.0},
            {"name": "function", "path": "my_lib/forms.py:form", "weight": 0.2},
        ],
        "samples_per_prompt": 8,
        "prompts_per_iteration": 4,
        "batch_size": 4,
        "accumulate": 4,
        "epochs": 1,
        "iterations": 100,
        "save_rounds": 50,
        "eval_every": 25,
        "eval_samples": 4,
        "temperature": 0.7,
        "max_new_tokens": 1024,
        "learning_rate": 5e-7,
        "max_grad_norm": 0.2,
        "gradient_checkpointing": True,
        "precision": "bfloat16",
        "engine": {"name": "server", "url": "http://10.0.0.1:8000/v1", "model": "org/base-1b", "update": "vllm"},
        "reference": "ema",
        "reference_rate": 0.3,
        "seed": 3,
    }
    said = "\n".join(found.remarks)
    for part in (
        "lr_scheduler_type=cosine, warmup_ratio: the learning rate is the same in all rounds",
        "Not translated: top_p: a policy gradient belongs to the distribution",
        "mask_truncated_completions: nearest are unfinished_penalty",
        "not `trl vllm-serve`",
        "report_to: an online run measures",
    ):
        assert part in said
    assert "log_completions" not in said


@pytest.mark.parametrize("loss", [*GRPO_LOSSES, None])
def test_every_loss_of_grpo_is_an_objective(loss: str | None, tmp_path: Path) -> None:
    given = {**GRPO, "loss_type": loss, "delta": None, "beta": 0.0, "sync_ref_model": False}
    found = converted(tmp_path, given, processes=2).recipe["objective"]
    assert found["name"] == GRPO_LOSSES[loss or "dapo"]
    expected = {"cispo": {"cap": 0.28}, "sapo": {"tau_pos": 1.0, "tau_neg": 1.05}}
    expected["dr_grpo"] = {"max_completion_length": 1024}
    assert expected.get(str(loss), {"epsilon_high": 0.28}).items() <= found.items()


def test_the_installed_trl_has_no_loss_of_grpo_that_is_forgotten() -> None:
    trl = pytest.importorskip("trl")
    from penchant.online.coming_from.groups import NEAREST

    described = trl.GRPOConfig.__doc__.partition("loss_type (")[2].partition("mask_truncated_completions (")[0]
    named = {line.split('"')[1] for line in described.splitlines() if line.strip().startswith('- `"')}
    assert {"grpo", "dapo", "bnpo"} <= named, "the description lists them"
    assert named - GRPO_LOSSES.keys() - NEAREST.keys() == set()


@pytest.mark.parametrize(
    ("keys", "objective"),
    [
        ({"importance_sampling_level": "sequence"}, {"name": "gspo", "epsilon_low": 0.1, "beta": 0.04}),
        ({"loss_type": "dapo"}, {"name": "bnpo", "beta": 0.04, "kl_by_ratio": True}),
        ({"loss_type": "dapo", "beta": 0.0, "sync_ref_model": False}, {"name": "dapo", "epsilon_high": 0.28}),
        ({"delta": 4.0, "use_bias_correction_kl": False}, {"name": "grpo", "delta": 4.0, "beta": 0.04}),
        ({"epsilon_high": None}, {"epsilon_high": 0.1}),
    ],
    ids=str,
)
def test_further_forms_of_the_loss(keys: dict[str, Any], objective: dict[str, Any], tmp_path: Path) -> None:
    found = converted(tmp_path, {**GRPO, **keys}, processes=2).recipe["objective"]
    assert objective.items() <= found.items()
    assert ("kl_by_ratio" in found) == bool(objective.get("kl_by_ratio", "epsilon_high" in keys))


def test_rewards_that_are_normalised_first_keep_their_weights(tmp_path: Path) -> None:
    found = converted(tmp_path, {**GRPO, "multi_objective_aggregation": "normalize_then_sum"}, processes=2).recipe
    weights = {"right": 1.0, "form": 0.2}
    assert found["pairing"] == {"name": "several", "order": "normalize_then_sum", "weights": weights}
    assert [each["label"] for each in found["judge"]] == list(weights)


def test_rounds_follow_from_the_data(tmp_path: Path) -> None:
    data = tmp_path / "problems.jsonl"
    data.write_text("".join(json.dumps({"prompt": f"{n} + 1 =", "answer": str(n + 1)}) + "\n" for n in range(20)))
    given = {
        "model_name_or_path": "m",
        "dataset_name": str(data),
        "reward_funcs": "org/reward-1b",
        "num_generations": 4,
        "per_device_train_batch_size": 8,
        "steps_per_generation": 4,
        "num_iterations": 2,
        "num_train_epochs": 3,
        "save_steps": 16,
    }
    found = converted(tmp_path, given).recipe
    assert (found["prompts_per_iteration"], found["batch_size"], found["epochs"]) == (8, 2, 2)
    assert found["iterations"] == 6, "two whole rounds a pass, three passes"
    assert found["save_rounds"] == 2 and found["judge"] == {"name": "reward_model", "model": "org/reward-1b"}
    unknown = converted(tmp_path, {**given, "dataset_name": "org/problems"})
    assert "iterations" not in unknown.recipe and any("prompts × 3 / 8" in each for each in unknown.remarks)


RLOO = {"normalize_advantages": True, "beta": 0.02, "reward_clip_range": [-1, 1], "num_generations": 2}


def test_rloo_of_trl(tmp_path: Path) -> None:
    given = {"model_name_or_path": "m", "dataset_name": "org/p", "reward_funcs": "rewards.right", **RLOO}
    found = converted(tmp_path, given)
    want = {
        "method": "rloo",
        "objective": {"name": "rloo", "epsilon_low": 0.2, "epsilon_high": 0.2},
        "pairing": {"name": "group", "baseline": "others", "scale": "batch"},
        "reward_kl": 0.02,
        "samples_per_prompt": 2,
        "prompts_per_iteration": 4,
        "judge": {"name": "function", "path": "rewards.py:right"},
    }
    assert want.items() <= found.recipe.items()
    assert any("reward_clip_range: a reward is not clipped" in each for each in found.remarks)


def test_ppo_of_trl(tmp_path: Path) -> None:
    given = {
        "model_name_or_path": "m",
        "sft_model_path": "org/sft",
        "reward_model_path": "org/reward",
        "dataset_name": "org/p",
        "num_ppo_epochs": 2,
        "num_mini_batches": 4,
        "cliprange": 0.1,
        "vf_coef": 0.2,
        "kl_coef": 0.03,
        "lam": 0.9,
        "missing_eos_penalty": 1.0,
        "response_length": 100,
        "total_episodes": 640,
        "per_device_train_batch_size": 64,
    }
    found = converted(tmp_path, given).recipe
    want = {
        "method": "ppo",
        "model": "org/sft",
        "objective": {"name": "ppo", "epsilon_low": 0.1, "epsilon_high": 0.1, "value_weight": 0.2},
        "pairing": {"name": "returns", "baseline": "critic", "lam": 0.9, "kl_coef": 0.03},
        "unfinished_penalty": 1.0,
        "max_new_tokens": 100,
        "prompts_per_iteration": 64,
        "batch_size": 16,
        "epochs": 2,
        "iterations": 10,
        "temperature": 0.7,
        "learning_rate": 3e-6,
        "judge": {"name": "reward_model", "model": "org/reward"},
    }
    assert want.items() <= found.items()


@pytest.mark.parametrize(
    ("name", "keys", "want"),
    [
        (
            "online-dpo",
            {"loss_type": "ipo", "beta": [0.1, 0.05], "top_p": 0.9},
            {
                "objective": {"name": "ipo", "beta": 0.1, "average_log_prob": False},
                "samples_per_prompt": 2,
                "top_p": 0.9,
            },
        ),
        ("online-dpo", {"missing_eos_penalty": 1.0}, {"objective": {"name": "dpo", "beta": 0.1}}),
        ("nash-md", {"mixture_coef": 0.25}, {"opponent": {"name": "mixture", "share": 0.25}}),
        ("xpo", {"alpha": 1e-4}, {"objective": {"name": "xpo", "beta": 0.1, "alpha": 1e-4}}),
    ],
)
def test_trainers_of_two_samples(name: str, keys: dict[str, Any], want: dict[str, Any], tmp_path: Path) -> None:
    given = {
        "model_name_or_path": "m",
        "dataset_name": "org/p",
        "reward_funcs": "rewards.right",
        "max_steps": 5,
        **keys,
    }
    place = "config.yaml" if "mixture_coef" in keys else f"{name.replace('-', '_')}/config.yaml"
    found = converted(tmp_path, given, place)
    assert found.recipe["method"] == name and want.items() <= found.recipe.items()
    assert found.recipe["iterations"] == 5 and found.recipe["learning_rate"] == 5e-7
    assert any("beta changes by epoch" in each for each in found.remarks) == isinstance(keys.get("beta"), list)


AXOLOTL = {
    "base_model": "org/base-1b",
    "rl": "grpo",
    "trl": {
        "beta": 0.001,
        "max_completion_length": 256,
        "use_vllm": True,
        "vllm_gpu_memory_utilization": 0.85,
        "num_generations": 4,
        "reward_funcs": ["rewards.rand_reward"],
        "reward_weights": [1.0],
        "loss_type": "dr_grpo",
        "scale_rewards": False,
        "epsilon": 0.1,
        "top_entropy_quantile": 0.2,
    },
    "datasets": [{"path": "org/gsm8k", "name": "main", "type": "rewards.gsm8k_transform"}],
    "micro_batch_size": 8,
    "gradient_accumulation_steps": 2,
    "max_steps": 10,
    "learning_rate": 1e-5,
    "optimizer": "adamw_torch_fused",
    "lr_scheduler": "constant",
    "sequence_len": 512,
    "adapter": "lora",
    "lora_r": 8,
    "lora_alpha": 16,
    "lora_target_linear": True,
    "gradient_checkpointing": True,
    "bf16": "auto",
    "use_wandb": True,
    "output_dir": "./out",
}


def test_grpo_of_axolotl(tmp_path: Path) -> None:
    found = converted(tmp_path, AXOLOTL)
    want = {
        "method": "grpo",
        "model": "org/base-1b",
        "data": "org/gsm8k",
        "objective": {
            "name": "dr-grpo",
            "epsilon_low": 0.1,
            "epsilon_high": 0.1,
            "beta": 0.001,
            "kl_by_ratio": True,
            "max_completion_length": 256,
        },
        "pairing": {"name": "group", "scale": "none"},
        "judge": {"name": "function", "path": "rewards.py:rand_reward"},
        "prompts_per_iteration": 4,
        "batch_size": 4,
        "iterations": 10,
        "max_new_tokens": 256,
        "lora": {"rank": 8, "alpha": 16.0},
        "learning_rate": 1e-5,
        "optimizer": "adamw_torch_fused",
    }
    assert want.items() <= found.recipe.items() and "max_length" not in found.recipe
    said = "\n".join(found.remarks)
    assert "rewards.gsm8k_transform makes prompts of the rows" in said
    assert "top_entropy_quantile: no objective weighs tokens by their entropy" in said
    assert "the learning rate is the same" not in said, "the schedule is constant"
    several = {**AXOLOTL["trl"], "reward_funcs": ["rewards.a", "rewards.b"], "reward_weights": [1.0, 2.0]}
    normalised = converted(tmp_path, {**AXOLOTL, "rl": "gdpo", "trl": several}).recipe["pairing"]
    assert normalised["weights"] == {"a": 1.0, "b": 2.0}


def test_ppo_of_llama_factory(tmp_path: Path) -> None:
    given = {
        "model_name_or_path": "org/base-8b",
        "stage": "ppo",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_target": "all",
        "reward_model": "saves/reward",
        "dataset": "identity",
        "template": "llama3",
        "cutoff_len": 2048,
        "output_dir": "saves/ppo",
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 8,
        "learning_rate": 1e-5,
        "num_train_epochs": 3.0,
        "max_new_tokens": 512,
        "top_k": 0,
        "top_p": 0.9,
        "ppo_buffer_size": 2,
        "ppo_target": 4.0,
        "ppo_whiten_rewards": True,
        "bf16": True,
    }
    found = converted(tmp_path, given)
    want = {
        "method": "ppo",
        "judge": {"name": "reward_model", "model": "saves/reward"},
        "pairing": {
            "name": "returns",
            "baseline": "critic",
            "kl_coef": 0.2,
            "kl_target": 4.0,
            "whiten_rewards": True,
        },
        "prompts_per_iteration": 16,
        "batch_size": 8,
        "epochs": 4,
        "max_new_tokens": 512,
        "temperature": 0.95,
        "max_length": 2048,
        "lora": {"rank": 8, "alpha": 16.0},
        "precision": "bfloat16",
    }
    assert want.items() <= found.recipe.items()
    said = "\n".join(found.remarks)
    assert "value head" in said and "top_p" in said and "top_k" not in said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"loss_type": "vespo"}, "nearest is loss_type: sapo"),
        ({"loss_type": "grpoo"}, "Did you mean 'grpo'?"),
        ({"loss_type": "dapo", "importance_sampling_level": "sequence"}, "is objective gspo"),
        ({"reward_funcs": ["accuracy_reward"], "reward_weights": None}, "verifier, rule: number"),
        ({"reward_funcs": ["brevity"], "reward_weights": None}, "Write FILE.py:brevity"),
        ({"reward_weights": [1.0]}, "1 weights and 2 rewards"),
        ({"per_device_train_batch_size": 1, "gradient_accumulation_steps": 1}, "--processes"),
        ({"scale_rewards": "each"}, "expected group, batch or none"),
        ({"num_generations": "many"}, "'num_generations' is many, expected a number"),
    ],
    ids=str,
)
def test_what_cannot_be_converted_says_why_and_what_is_nearest(keys: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        converted(tmp_path, {**GRPO, **keys})
    assert said in str(caught.value).replace("'many'", "many") and "given.yaml" in str(caught.value)


def test_the_length_penalty_of_trl(tmp_path: Path) -> None:
    given = {**GRPO, "reward_funcs": ["rewards.right", "get_soft_overlong_punishment"], "reward_weights": None}
    assert "overlong_buffer" not in converted(tmp_path, given, processes=2).recipe, "it never begins"
    long = converted(tmp_path, {**given, "max_completion_length": 1280}, processes=2).recipe
    assert long["overlong_buffer"] == 256 and long["judge"] == {"name": "function", "path": "rewards.py:right"}
    with pytest.raises(ConfigurationError, match="made for 1280 tokens"):
        converted(tmp_path, {**given, "max_completion_length": 2048})


def test_a_mixture_becomes_one_set_of_prompts(tmp_path: Path) -> None:
    parts = [{"path": "org/a", "weight": 0.7}, {"path": "org/b", "weight": 0.3}]
    found = converted(tmp_path, {**GRPO, "dataset_name": None, "datasets": parts}, processes=2)
    assert found.recipe["data"] == ["org/a", "org/b"] and found.recipe["split"] == "train"
    assert any("all prompts are drawn alike" in each for each in found.remarks)


def test_files_of_training_are_converted_as_before(tmp_path: Path) -> None:
    found = converted(tmp_path, {"model_name_or_path": "m", "dataset_name": "d.jsonl", "loss_type": "hinge"})
    assert found.command == "penchant train" and found.recipe["objective"]["name"] == "slic-hinge"
    assert "method" not in found.recipe


def test_the_command_says_what_runs_the_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, out = tmp_path / "given.yaml", tmp_path / "recipe.yaml"
    given.write_text(yaml.safe_dump(GRPO))
    assert main(["convert", str(given), "-o", str(out), "--processes", "2"]) == 0
    assert f"Next: penchant online {out} --dry-run" in capsys.readouterr().err
