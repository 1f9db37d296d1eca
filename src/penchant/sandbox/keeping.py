"""The other end of a keeper: starting one, sending it programs, and ending it when it does not answer."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.sandbox.inside.wire import LARGEST

__all__ = ["KeeperEnded", "KeeperProcess"]

_PACKAGES = str(Path(__file__).resolve().parents[2])
# Seconds that a keeper has beyond the program's own, to start and to end it.
_GRACE = 10.0
_PIECE = 2**16
_START = "import sys; sys.path.append(sys.argv[1]); from penchant.sandbox.inside.keeper import main; main()"


class KeeperEnded(Exception):
    """The keeper has ended, or does not answer."""


class KeeperProcess:
    """A keeper that runs.

    Args:
        without: means to do without (see `Sandbox`).

    Raises:
        KeeperEnded: it does not start.
    """

    def __init__(self, without: Sequence[str] = ()) -> None:
        self.base = tempfile.mkdtemp(prefix="penchant-sandbox-")
        os.chmod(self.base, 0o711)
        options = ["-s", "-S", "-P", "-B", "-X", "utf8"]
        self._process = subprocess.Popen(
            [_interpreter(), *options, "-c", _START, _PACKAGES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={"LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        for stream in (self._process.stdin, self._process.stdout):
            os.set_blocking(stream.fileno(), False)  # type: ignore[union-attr]
        try:
            #: What the kernel gives, by name.
            self.means: dict[str, Any] = {}
            plan = {"base": self.base, "without": list(without), "hidden": [_PACKAGES]}
            self.means = self._exchange([_message(plan)], _GRACE)
        except KeeperEnded:
            self.end()
            raise

    def run(self, request: dict[str, Any], parts: Sequence[bytes]) -> dict[str, Any]:
        """The answer to a request, which ``parts`` follow.

        Raises:
            KeeperEnded: there is none in time.
        """
        return self._exchange([_message(request), *parts], request["limits"]["seconds"] + _GRACE)

    def _exchange(self, parts: Sequence[bytes], seconds: float) -> dict[str, Any]:
        """Write and read at once, so that neither side waits for the other."""
        assert self._process.stdin is not None and self._process.stdout is not None
        unsent, received = memoryview(b"".join(parts)), bytearray()
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdin, selectors.EVENT_WRITE)
            reader = selector.register(self._process.stdout, selectors.EVENT_READ)
            while not _complete(received):
                ready = selector.select(deadline - time.monotonic())
                if not ready or time.monotonic() >= deadline:
                    raise KeeperEnded("it does not answer")
                for key, _event in ready:
                    if key == reader:
                        received += self._read()
                        continue
                    unsent = self._write(unsent)
                    if not unsent:
                        selector.unregister(self._process.stdin)
        return json.loads(bytes(received[4:]))

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        piece = os.read(self._process.stdout.fileno(), _PIECE)
        if not piece:
            raise KeeperEnded("it has ended")
        return piece

    def _write(self, unsent: memoryview) -> memoryview:
        """What is left to write; nothing if the keeper reads no more, since its answer is then on the way."""
        assert self._process.stdin is not None
        try:
            return unsent[os.write(self._process.stdin.fileno(), unsent[:_PIECE]) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:
            return unsent[:0]

    def left_behind(self) -> int:
        """Processes below the keeper, while it runs no program."""
        import psutil  # not at the top: the keeper, which has no packages, imports this module too

        try:
            below = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return 0
        inner = self.means["pids"] == "namespace"  # the keeper is then a pair of processes
        return max(0, sum(each.status() != psutil.STATUS_ZOMBIE for each in below) - inner)

    def end(self) -> None:
        """End the keeper, with every process of its group, and remove its folder."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._process.kill()
            self._process.wait()
        shutil.rmtree(self.base, ignore_errors=True)


def _interpreter() -> str:
    """The interpreter itself, not that of a virtual environment, which would lead to its packages."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _message(content: Any) -> bytes:
    text = json.dumps(content).encode()
    return len(text).to_bytes(4, "big") + text


def _complete(received: bytearray) -> bool:
    if len(received) < 4:
        return False
    length = int.from_bytes(received[:4], "big")
    if length > LARGEST:
        raise KeeperEnded("its answer is too long")
    return len(received) >= length + 4
