"""What the launcher has started: the strategy, the number of processes, and what is said about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.training.devices.placement import placement_of
from penchant.training.devices.processes import Processes, asked_of_launcher, find_processes, own_sharding
from penchant.training.devices.zero import check_zero, zero_config
from penchant.training.recipe import make_recipe
from penchant.training.run import _as_launched as as_launched

TWO = {"WORLD_SIZE": "2", "RANK": "1"}
ACCELERATE = {"ACCELERATE_MIXED_PRECISION": "no"}


def test_without_a_launcher_there_is_one_process_and_nothing_to_say() -> None:
    found = find_processes(environment={})
    assert (found.count, found.rank, found.strategy, found.warnings) == (1, 0, "single", ())
    assert found.facts() == {"processes": 1, "strategy": "single"} and str(found) == "one process"


@pytest.mark.parametrize("strategy", ["ddp", "fsdp", "zero2", "zero3"])
def test_the_recipe_chooses_the_strategy(strategy: str) -> None:
    found = find_processes(strategy, environment=TWO)
    assert found.facts() == {"processes": 2, "strategy": strategy} and not found.first
    assert str(found).startswith("2 processes, ")


def test_the_launcher_chooses_where_the_recipe_does_not() -> None:
    assert find_processes(environment=TWO).strategy == "ddp"
    sharded = {**TWO, "ACCELERATE_USE_FSDP": "true", "FSDP_RESHARD_AFTER_FORWARD": "false"}
    sharded |= {"FSDP_TRANSFORMER_CLS_TO_WRAP": "OneLayer, Other", "FSDP_ACTIVATION_CHECKPOINTING": "true"}
    found = find_processes(environment=sharded)
    assert found.strategy == "fsdp"
    assert found.options == {
        "reshard_after_forward": False,
        "layers": ("OneLayer", "Other"),
        "gradient_checkpointing": True,
    }
    deepspeed = {**TWO, "ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}
    assert find_processes(environment=deepspeed).strategy == "zero3"


def test_launcher_and_recipe_must_agree() -> None:
    with pytest.raises(ConfigurationError, match="strategy=ddp, and the launcher was configured for fsdp"):
        find_processes("ddp", environment={**TWO, "ACCELERATE_USE_FSDP": "true"})
    with pytest.raises(ConfigurationError, match="asks for 4 processes, and 2 were started"):
        find_processes(expected=4, environment=TWO)
    with pytest.raises(ConfigurationError, match="asks for 2 processes, and one was started"):
        find_processes(expected=2, environment={})
    assert find_processes(expected=2, environment=TWO).count == 2


def test_settings_that_would_be_ignored_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="fsdp_offload_params"):
        find_processes(environment={**TWO, "ACCELERATE_USE_FSDP": "true", "FSDP_OFFLOAD_PARAMS": "true"})
    with pytest.raises(ConfigurationError, match="ZeRO stage 1"):
        find_processes(environment={**TWO, "ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "1"})
    with pytest.raises(ConfigurationError, match="float16"):
        placement_of(Processes(2, 0, "fsdp"), "float16")


def test_one_process_where_two_were_asked_for_is_said(tmp_path: Path) -> None:
    command = ["python", "accelerate", "launch", "--cpu", "--num_processes", "2", "run.py"]
    [said] = find_processes(environment=ACCELERATE, command=command).warnings
    assert "asked for 2 processes and started one" in said
    assert asked_of_launcher(ACCELERATE, ["accelerate", "launch", "--num-processes=3", "run.py"]) == 3
    config = tmp_path / "two.yaml"
    config.write_text("num_processes: 2\n")
    assert asked_of_launcher(ACCELERATE, ["accelerate", "launch", "--config_file", str(config), "run.py"]) == 2
    # Another program's options are none of ours.
    assert asked_of_launcher({}, command) is None
    assert find_processes(environment=ACCELERATE, command=["accelerate", "launch", "run.py"]).warnings == ()
    [said] = find_processes("fsdp", environment={}).warnings
    assert "strategy=fsdp has no effect" in said


def test_accelerate_does_not_shard_what_is_sharded_here() -> None:
    given = {"ACCELERATE_USE_FSDP": "true"}
    with own_sharding(Processes(2, 0, "fsdp"), given):
        assert given == {}
    assert given == {"ACCELERATE_USE_FSDP": "true"}


def test_deepspeed_that_cannot_start_is_refused() -> None:
    two = Processes(2, 0, "zero2")
    with pytest.raises(ConfigurationError, match="needs DeepSpeed, which is not installed"):
        check_zero(two, installed=lambda name: None)
    with pytest.raises(ConfigurationError, match="DeepSpeed runs on cuda here"):
        check_zero(two, device="cpu", installed=lambda name: name, runs_on=lambda: "cuda")
    check_zero(two, device="cpu", installed=lambda name: name, runs_on=lambda: "cpu")
    check_zero(Processes(2, 0, "fsdp"), installed=lambda name: None)


def test_deepspeed_is_configured_by_the_recipe_or_by_the_launcher() -> None:
    for stage in (2, 3):
        config = zero_config(f"zero{stage}", {})
        assert config is not None and config["zero_optimization"]["stage"] == stage
        assert ("stage3_gather_16bit_weights_on_model_save" in config["zero_optimization"]) == (stage == 3)
    assert zero_config("zero3", {"ACCELERATE_USE_DEEPSPEED": "true"}) is None
    assert zero_config("fsdp", {}) is None


def test_the_precision_of_the_launcher_holds_unless_the_recipe_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make_recipe({"model": "m", "data": "d"})
    assert as_launched(recipe).precision is None
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert as_launched(recipe).precision == "bfloat16"
    assert as_launched(make_recipe({"model": "m", "data": "d", "precision": "float32"})).precision == "float32"
