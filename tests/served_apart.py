"""``penchant serve-policy`` in a process of its own, as it is used: its random numbers are not those of the run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launching import environment

__all__ = ["served_apart"]


@contextmanager
def served_apart(model: Path) -> Iterator[str]:
    """The address of a server of a model, which knows it as ``policy``."""
    command = [sys.executable, "-m", "penchant", "serve-policy", str(model), "--name", "policy", "--port", "0"]
    with subprocess.Popen(
        command, env=environment(PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if found := re.search(r"http://127\.0\.0\.1:\d+/v1", line):
                    yield found[0]
                    break
            else:
                raise AssertionError("".join(lines))
        finally:
            process.terminate()
