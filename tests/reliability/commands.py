"""`Commands` runs commands of Penchant in forked processes, with a fault that kills one or fails one of its writes."""

from __future__ import annotations

import enum
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import penchant

__all__ = ["ANYTHING", "Calls", "Commands", "Ended", "Fault", "compiler"]

HERE = Path(__file__).parent
# Of one command, on a machine that many use.
PATIENCE = 240.0


class Calls(enum.IntFlag):
    """Calls that change files; the numbers are those of faulty_disk.c."""

    OPEN = 1
    WRITE = 2
    RENAME = 4
    REMOVE = 8
    FOLDER = 16
    SYNC = 32
    SIZE = 64


ANYTHING = Calls(127)


@dataclass(frozen=True)
class Fault:
    """What happens at one call.

    Args:
        form: of the paths that count, as for fnmatch.
        calls: the kinds of calls that count.
        at: number of the call, from 1; 0 does nothing, and the calls are recorded.
        error: number of the error (``errno``); 0 kills the process.
        lasting: later calls fail too, as on a full disk.
    """

    form: str = "*"
    calls: Calls = ANYTHING
    at: int = 0
    error: int = 0
    lasting: bool = False


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: its exit code; negative where a signal ended it.
        processor_seconds: that it used.
        calls: kind and path of its calls that count, in order, where the fault is none.
        said: what it wrote on both streams.
    """

    code: int
    processor_seconds: float
    calls: list[tuple[Calls, str]]
    said: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -9

    @property
    def words(self) -> str:
        """What it said, with single spaces."""
        return " ".join(self.said.split())


def compiler() -> str | None:
    """The C compiler that builds the faulty disk; None without one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


class Commands:
    """A process that forks for each command; see `reliability.command_server`.

    Args:
        folder: for the compiled library, and for what the commands say.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        library = folder / "faulty_disk.so"
        build = [str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "faulty_disk.c"), "-ldl"]
        subprocess.run(build, check=True, capture_output=True)
        tests, source = HERE.parent, Path(penchant.__file__).parents[1]
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "PYTHONPATH": f"{source}{os.pathsep}{tests}",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "200",
        }
        self.errors = (folder / "server.txt").open("w", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "command_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            text=True,
        )

    def run(
        self,
        folder: Path,
        words: Sequence[str],
        *,
        fault: Fault = Fault(),
        processor_seconds: float | None = None,
        limit: int | None = None,
        without: Sequence[str] = (),
        **environment: str,
    ) -> Ended:
        """Run ``penchant WORDS`` in a folder.

        Args:
            folder: the working directory.
            words: of the command line.
            fault: at one of its calls.
            processor_seconds: kill it after so many.
            limit: largest size of a file, in bytes.
            without: names of `command_server.WITHOUT`.
            environment: more variables.
        """
        self.number += 1
        said = self.folder / f"said-{self.number}.txt"
        order: dict[str, Any] = {
            "words": list(words),
            "folder": str(folder),
            "said": str(said),
            "environment": {"PENCHANT_CACHE": str(folder / "cache"), **environment},
            "fault": [int(fault.calls), fault.form, fault.at, fault.error, int(fault.lasting)],
            "processor_seconds": processor_seconds,
            "limit": limit,
            "without": list(without),
            "patience": PATIENCE,
        }
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the server ended: {(self.folder / 'server.txt').read_text(encoding='utf-8')[-2000:]}"
        answer = json.loads(line)
        return Ended(
            answer["code"],
            answer["processor_seconds"],
            _recorded(said.with_name(f"{said.name}.calls")),
            said.read_text(encoding="utf-8", errors="replace"),
        )

    def close(self) -> None:
        """End the server."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.errors.close()


def _recorded(path: Path) -> list[tuple[Calls, str]]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(Calls(int(kind)), name) for kind, _, name in (line.partition(" ") for line in lines)]
