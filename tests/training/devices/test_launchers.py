"""Runs under torchrun and accelerate launch: who prints, what happens when a process dies, and going on by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import penchant
from launching import environment, torchrun
from penchant.cli.app import main
from small_runs import losses, write_pairs

DYING = """
import os, signal, sys
from penchant.cli.app import main
from penchant.training.recorder import Recorder

write = Recorder.write

def dying(self, step, *rest):
    if step == 3 and os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, step, *rest)

Recorder.write = dying
code = main(sys.argv[1:])
sys.stderr.flush()
os._exit(code)
"""

SHARDED = {
    "compute_environment": "LOCAL_MACHINE",
    "distributed_type": "FSDP",
    "fsdp_config": {"fsdp_version": 2, "fsdp_reshard_after_forward": True, "fsdp_state_dict_type": "FULL_STATE_DICT"},
    "mixed_precision": "no",
    "num_machines": 1,
    "num_processes": 2,
    "main_process_port": 0,
    "use_cpu": True,
}


@pytest.fixture
def recipe(folder: Path, tmp_path: Path) -> Path:
    """Four steps of DPO as a recipe file."""
    values = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl")), "batch_size": 3}
    values |= {"max_steps": 4, "learning_rate": 1e-2, "warmup": 0.0, "samples": 0, "save_every": 1}
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_process_that_dies_ends_all_and_the_launcher_goes_on(strategy: str, recipe: Path, tmp_path: Path) -> None:
    script = tmp_path / "dying.py"
    script.write_text(DYING)
    words = ["train", str(recipe), f"strategy={strategy}", "-o", str(tmp_path / "run"), "--resume", "auto"]
    once = torchrun(2, str(script), *words)
    assert once.returncode != 0
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-2").is_dir() and not (tmp_path / "run" / "model").exists()
    # Nothing has to be known to start it again; the run goes on where the checkpoint is.
    words[4] = str(tmp_path / "other")
    done = torchrun(2, str(script), *words, options=["--max-restarts", "1"])
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Continuing from checkpoint-2" in done.stderr
    alone = penchant.train(**yaml.safe_load(recipe.read_text()), output=tmp_path / "alone").folder
    assert losses(tmp_path / "other") == pytest.approx(losses(alone), abs=1e-5)


@pytest.mark.long
def test_accelerate_launch_with_its_own_configuration(recipe: Path, tmp_path: Path) -> None:
    config = tmp_path / "fsdp.yaml"
    config.write_text(yaml.safe_dump(SHARDED))
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config), "-m", "penchant"]
    words = ["train", str(recipe), "-o", str(tmp_path / "run")]
    done = subprocess.run(
        [*launch, *words], env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["processes"], summary["strategy"]) == (2, "fsdp")
    # Only the first process prints.
    assert done.stderr.count("Running in 2 processes, FSDP2") == 1 and done.stderr.count("Measuring on") == 2
    assert done.stdout.count("Report:") == 1
    again = subprocess.run(
        [*launch, *words], env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert again.returncode != 0 and again.stderr.count("already holds another run") == 1


@pytest.mark.parametrize("words", [["--resume"], ["--resume", "auto"], ["--resume=auto"]])
def test_resume_in_an_empty_folder_starts_at_the_beginning(
    words: list[str], recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    assert main(["train", str(recipe), "max_steps=1", "-o", str(tmp_path / "run"), *words]) == 0
    assert "no checkpoint to continue from; starting from the beginning" in capsys.readouterr().err
    assert main(["train", *words, str(recipe), "max_steps=1", "-o", str(tmp_path / "run")]) == 0
    assert "already done" in capsys.readouterr().err


def test_resume_is_true_false_or_auto(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(penchant.errors.ConfigurationError, match="resume is 'yes'"):
        penchant.train(folder, tmp_path / "pairs.jsonl", output=tmp_path / "run", resume="yes")  # type: ignore[arg-type]
