"""The claim and the world in the contributors' guide work in packages of their own, found by their files alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def example(first_line: str) -> str:
    """The program of the guide that begins with a line."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [block] = [
        block
        for block in re.findall(r"^```python\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
        if block.startswith(f'"""{first_line}')
    ]
    return block


def printed(folder: Path, program: str) -> str:
    """What a program prints in a process of its own: what it registers would stay in this one."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}:{folder}",
            "PENCHANT_CACHE": str(folder / "cache"),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_claim_is_one_file(tmp_path: Path) -> None:
    papers = tmp_path / "my_papers" / "pairwise"
    papers.mkdir(parents=True)
    for folder in (papers, papers.parent):
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (papers / "ipo_stays_near.py").write_text(example("IPO and the strength"), encoding="utf-8")
    program = """
    from pathlib import Path
    from penchant.lab.claims import CLAIMS, find_claim
    from penchant.lab.claims.running import run_claims
    CLAIMS.packages = ("my_papers",)
    [finding] = run_claims([find_claim("ipo-stays-near")], cache=Path("cache")).findings
    print(finding.verdict)
    """
    assert printed(tmp_path, program) == "reproduced"


@pytest.mark.slow
def test_a_world_is_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "my_worlds" / "counting"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("", encoding="utf-8")
    (folder / "__init__.py").write_text('"""Counting."""\n', encoding="utf-8")
    (folder / "world.py").write_text(example("Counting"), encoding="utf-8")
    program = """
    from penchant.lab import Pretraining
    from penchant.lab.worlds.registry import WORLDS, summary_of_world
    WORLDS.packages = ("my_worlds",)
    world = WORLDS.get("counting")(pretraining=Pretraining(64, epochs=1, batch_size=32, learning_rate=3e-3, width=32))
    right = [pair["chosen"] == str(world.answer(pair["prompt"])) for pair in world.pairs(20, seed=1)]
    print(summary_of_world("counting"), all(right), world.policy().config.hidden_size)
    """
    assert printed(tmp_path, program) == "Numbers and their successors, such as ``12+1=``. True 32"
