"""Keepers end with what started them, and are replaced when they fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import penchant
from penchant.sandbox import Limits, Sandbox

_STARTER = """
import sys
from penchant.sandbox import Limits, Sandbox
sandbox = Sandbox(Limits(seconds=100), jobs=1, without=sys.argv[1:])
sandbox.run("pass")
print(sandbox._idle[0]._process.pid, sandbox._idle[0].base, flush=True)
sandbox.run("import os, time\\nif os.fork() == 0: os.setsid()\\ntime.sleep(100)")
"""


@pytest.mark.parametrize("without", [[], ["namespaces"]], ids=["all", "no-namespaces"])
def test_nothing_is_left_when_the_process_that_asked_is_killed(without: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(penchant.__file__).parents[1])}
    command = [sys.executable, "-c", _STARTER, *without]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as starter:
        assert starter.stdout is not None
        number, base = starter.stdout.readline().split()
        keeper = psutil.Process(int(number))
        while len(below := keeper.children(recursive=True)) < 3:
            time.sleep(0.01)
        starter.kill()
    # The starter was the keeper's parent, so the keeper is waited for here by looking.
    _gone, alive = psutil.wait_procs([keeper, *below], timeout=30)
    assert [each for each in alive if _runs(each)] == []
    assert not list(Path(base).rglob("*"))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_keeper_that_was_killed_is_replaced() -> None:
    with Sandbox(jobs=1) as sandbox:
        assert sandbox.run("print(1)").passed
        keeper = sandbox._idle[0]._process
        keeper.kill()
        keeper.wait()
        assert sandbox.run("print(2)").stdout == "2\n"
        assert sandbox._idle[0]._process.pid != keeper.pid


def test_a_large_program_with_large_tests_gets_through() -> None:
    text = "x = '" + "y" * 3_000_000 + "'\n"
    with Sandbox(Limits(seconds=60), jobs=1) as sandbox:
        result = sandbox.run(text, stdin="z" * 3_000_000, tests=text.replace("x", "w", 1) + "assert x == w")
        assert result.passed, result.stderr[:500]


def test_a_closed_sandbox_leaves_no_folder() -> None:
    sandbox = Sandbox(jobs=2)
    sandbox.run_many(["pass"] * 4)
    folders = [Path(keeper.base) for keeper in sandbox._idle]
    assert folders and all(folder.is_dir() for folder in folders)
    sandbox.close()
    assert not any(folder.exists() for folder in folders)
