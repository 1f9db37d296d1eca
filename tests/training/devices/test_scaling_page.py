"""The configurations of docs/scaling.md: accelerate accepts them, and a run reads them as the page says."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

from penchant.training.devices.processes import find_processes

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scaling.md"
BLOCKS = dict(re.findall(r"```yaml\n# (\w+)\.yaml[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
STRATEGIES = {"ddp": ("ddp", 2), "fsdp": ("fsdp", 8), "two_nodes": ("fsdp", 16), "zero3": ("zero3", 8)}


def test_every_configuration_of_the_page_is_tested() -> None:
    assert BLOCKS.keys() == STRATEGIES.keys()


@pytest.mark.parametrize("name", STRATEGIES)
def test_accelerate_reads_it_and_the_run_follows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / f"{name}.yaml"
    file.write_text(BLOCKS[name])
    strategy, count = STRATEGIES[name]
    config: Any = load_config_from_file(str(file))
    assert config.num_processes == count == yaml.safe_load(BLOCKS[name])["num_processes"]
    # What accelerate launch would hand to the processes.
    monkeypatch.setattr("accelerate.commands.launch.is_deepspeed_available", lambda: True, raising=False)
    parsed = launch_command_parser().parse_args(["--config_file", str(file), "run.py"])
    args, _defaults, _mixed = _validate_launch_command(parsed)
    assert isinstance(args, argparse.Namespace)
    if strategy == "zero3":
        given = {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": str(args.zero_stage)}
    else:
        given = prepare_multi_gpu_env(args)
    found = find_processes(environment={**given, "WORLD_SIZE": str(count), "RANK": "0"})
    assert (found.strategy, found.count) == (strategy, count)
    if name == "fsdp":
        assert found.options == {"reshard_after_forward": True, "gradient_checkpointing": True}
