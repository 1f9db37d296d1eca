"""What the tests of kills and disks share: one process that forks commands, and what the commands read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reliability.commands import Commands, compiler
from reliability.killing import Killer
from reliability.subjects import make_given


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Runs commands with faults."""
    if compiler() is None or not hasattr(os, "pidfd_open"):
        pytest.skip("the faulty disk needs Linux and a C compiler")
    started = Commands(tmp_path_factory.mktemp("commands"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def killer(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Killer:
    """Kills commands and compares."""
    folder: Path = tmp_path_factory.mktemp("kills")
    return Killer(commands, make_given(folder / "given"), folder / "runs")
