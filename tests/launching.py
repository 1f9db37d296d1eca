"""Runs in several processes, started as torchrun starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import penchant

# Several runs in one launch: importing the libraries takes longer than a tiny run.
SCRIPT = """
import json, os, sys
from pathlib import Path
import penchant, penchant.evaluation.report

def write(run):
    (run / "report.html").write_text("<!doctype html>")

penchant.evaluation.report.write_report = write
for recipe in json.loads(Path(sys.argv[1]).read_text()):
    penchant.train(**recipe)
sys.stderr.flush()
os._exit(0)  # as `python -m penchant` ends one of several processes
"""


def environment(**more: str) -> dict[str, str]:
    """The variables of a launch on this machine."""
    source = str(Path(penchant.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **more}


def torchrun(count: int, *words: str, options: Sequence[str] = (), **more: str) -> subprocess.CompletedProcess[str]:
    """``torchrun --nproc-per-node COUNT OPTIONS WORDS``, on a free port."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count), "--rdzv-backend", "c10d"]
    launch += ["--rdzv-endpoint", "localhost:0", *options]
    return subprocess.run(
        [*launch, *words], env=environment(**more), capture_output=True, text=True, timeout=900, check=False
    )


def train_in_processes(count: int, recipes: Sequence[dict[str, Any]], folder: Path) -> str:
    """Train each recipe in processes that torchrun starts once; what they wrote on the error stream."""
    script, given = folder / "runs.py", folder / "recipes.json"
    script.write_text(SCRIPT)
    given.write_text(json.dumps(recipes, default=str))
    done = torchrun(count, str(script), str(given))
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr
