"""Small attacks, one or more for each fence, and how to tell whether the fence held."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penchant.sandbox.limits import Limits
from penchant.sandbox.result import Result
from penchant.sandbox.sandbox import Sandbox

__all__ = ["ATTACKS", "LIMITS", "Attack", "Outside", "outside", "try_attack"]

_MIB = 2**20
_SECRET = "PENCHANT_SANDBOX_SECRET"

#: Limits under which attacks are tried: small, so that trying takes seconds.
LIMITS = Limits(
    seconds=2.0,
    cpu_seconds=1.0,
    memory=256 * _MIB,
    processes=8,
    file_bytes=_MIB,
    folder_bytes=4 * _MIB,
    output_bytes=64 * 1024,
)


@dataclass(frozen=True)
class Outside:
    """What a program must not reach.

    Args:
        folder: a folder that everyone may write to, with a file ``secret`` that everyone may read.
        port: a port of this machine at which somebody listens.
        listener: who listens.
    """

    folder: Path
    port: int
    listener: socket.socket

    @property
    def reached(self) -> bool:
        """Whether somebody has connected to the port."""
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@dataclass(frozen=True)
class Attack:
    """One attack.

    Args:
        fence: name of the fence that must hold.
        what: what the program does, for people.
        program: its text; ``{folder}``, ``{port}`` and ``{pid}`` are filled in.
        held: whether the fence held, from the result.
    """

    fence: str
    what: str
    program: str
    held: Callable[[Result], bool]


def _ended(*outcomes: str) -> Callable[[Result], bool]:
    return lambda result: result.outcome in outcomes


def _without(text: str) -> Callable[[Result], bool]:
    return lambda result: text not in result.stdout


def _ended_or_without(text: str) -> Callable[[Result], bool]:
    # A fence that counts, 40 times a second, may be too late to prevent it; then it ends the program.
    return lambda result: text not in result.stdout or result.outcome != "passed"


_DAEMON = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        time.sleep(60)
    os._exit(0)
"""
_CATCHER = """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, lambda *_: None)
    except (OSError, ValueError):
        pass
while True:
    pass
"""
_FORKS = """
import os, time
started = 0
try:
    for _ in range(60):
        if not os.fork():
            time.sleep(5)
            os._exit(0)
        started += 1
    print("all started")
except OSError:
    print(started)
"""
_GREEDY_GROUP = """
import os, time
for _ in range(4):
    if not os.fork():
        block = b"x" * (100 * 2**20)
        time.sleep(5)
        os._exit(0)
time.sleep(5)
"""
_FILES = """
for number in range(8):
    with open(f"file-{number}", "wb") as file:
        file.write(b"x" * 2**20)
print("all written")
"""

#: Every attack, in the order of the fences.
ATTACKS = (
    Attack("wall time", "sleeps for an hour", "import time; time.sleep(3600)", _ended("timeout")),
    Attack("CPU time", "loops without end", "while True: pass", _ended("timeout")),
    Attack("CPU time", "loops, and catches every signal", _CATCHER, _ended("timeout")),
    Attack("memory", "allocates 100 GB", "block = bytearray(100 * 2**30); print(len(block))", _ended("memory")),
    Attack("memory", "allocates 400 MB in four processes", _GREEDY_GROUP, _ended("memory")),
    Attack("number of processes", "starts 60 processes", _FORKS, _ended_or_without("all started")),
    Attack("children left behind", "leaves a daemon", _DAEMON, _ended("passed")),
    Attack(
        "files",
        "writes outside its folder",
        "open('{folder}/written', 'w').write('x'); print('open')",
        _without("open"),
    ),
    Attack("files", "reads a file outside its folder", "print(open('{folder}/secret').read())", _without(_SECRET)),
    Attack("size of files", "writes 64 MB to a file", "open('file', 'wb').write(b'x' * 2**26)", _ended("failed")),
    Attack("size of files", "writes 8 files of 1 MB", _FILES, _without("all written")),
    Attack(
        "network",
        "connects to a port of this machine",
        "import socket; socket.create_connection(('127.0.0.1', {port}), 1); print('open')",
        _without("open"),
    ),
    Attack("environment", "prints its environment", "import os; print(dict(os.environ))", _without(_SECRET)),
    Attack("output", "prints 1 GB", "for _ in range(1024): print('x' * 2**20)", _ended("output")),
    Attack(
        "other processes", "signals a process of yours", "import os; os.kill({pid}, 0); print('open')", _without("open")
    ),
)


@contextmanager
def outside() -> Iterator[Outside]:
    """What attacks try to reach, for as long as they are tried; the environment holds a secret meanwhile."""
    with tempfile.TemporaryDirectory(prefix="penchant-outside-") as folder, socket.socket() as listener:
        path = Path(folder)
        (path / "secret").write_text(_SECRET, encoding="utf-8")
        os.chmod(path, 0o777)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        os.environ[_SECRET] = _SECRET
        try:
            yield Outside(path, listener.getsockname()[1], listener)
        finally:
            del os.environ[_SECRET]


def try_attack(attack: Attack, sandbox: Sandbox, world: Outside) -> tuple[bool, Result]:
    """Try one attack.

    Args:
        attack: of `ATTACKS`.
        sandbox: one with `LIMITS`.
        world: what it tries to reach.

    Returns:
        Whether the fence held, and how the program ended. On a busy machine the time of a program may be over before it
        has reached its fence, which says nothing of the fence: it is tried again, three times in all.
    """
    program = attack.program
    for name, value in (("folder", world.folder), ("port", world.port), ("pid", os.getpid())):
        program = program.replace("{" + name + "}", str(value))
    for _attempt in range(3):
        result = sandbox.run(program)
        if attack.held(result) or result.outcome != "timeout":
            break
    written = (world.folder / "written").exists()
    (world.folder / "written").unlink(missing_ok=True)
    held = attack.held(result) and not written and not world.reached and not sandbox.left_behind()
    return held, result
