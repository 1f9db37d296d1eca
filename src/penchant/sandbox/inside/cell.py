"""The cell: the first process of a program's group, which starts the candidate and says how it ended.

With tests, the cell examines the candidate: tests and expected values are read only after the candidate has its own
process, so they never are in its memory, and the report goes through a pipe that the candidate does not have.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from typing import Any

from penchant.sandbox.inside import candidate, examination
from penchant.sandbox.inside.fencing import fence
from penchant.sandbox.inside.wire import read_bytes
from penchant.sandbox.kernel import calls

__all__ = ["read_report", "run"]


def run(
    request: dict[str, Any], requests: int, box: str, ends: list[int], means: dict[str, Any], places: list[str]
) -> None:
    """Run the program of a request, whose text, input and tests follow it on ``requests``; does not return."""
    output, errors, report = ends
    program = read_bytes(requests, request["program"])
    given = _as_file(box, read_bytes(requests, request["stdin"]))
    down, up = os.pipe(), os.pipe()
    process = os.fork()
    if not process:
        try:
            os.chdir(box)
            for stream, descriptor in enumerate((given, output, errors)):
                os.dup2(descriptor, stream)
            channel = candidate.settle(down[0], up[1])
            fence(request["limits"], means, means["user"], box, places)
            candidate.run(program, channel, examined=request["tests"] is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(candidate.BROKEN)
    for descriptor in (given, output, errors, down[0], up[1]):
        os.close(descriptor)
    tests = None if request["tests"] is None else read_bytes(requests, request["tests"])
    os.close(requests)
    _say(report, {"read": True})
    user = means["user"]
    fence(request["limits"], means, user + 1 if user else 0, None, places)
    calls.undumpable()
    if tests is None:
        status = _status(process)
        os.set_blocking(up[0], False)
        _say(report, {"end": status, "memory": _note(up[0]) == candidate.OUT_OF_MEMORY})
        os._exit(0)
    for passed, message in examination.examine(tests, up[0], down[1]):
        _say(report, {"test": [passed, message]})
    os.close(down[1])
    _say(report, {"end": _status_soon(process)})
    os._exit(0)


def read_report(content: bytes) -> dict[str, Any]:
    """What a cell has said: whether it ``read`` all of the request, its ``tests``, the ``end`` of the candidate."""
    found: dict[str, Any] = {"tests": []}
    for line in content.split(b"\n")[:-1]:
        part = json.loads(line)
        if "test" in part:
            found["tests"].append(part["test"])
        else:
            found |= part
    return found


def _say(report: int, part: dict[str, Any]) -> None:
    os.write(report, json.dumps(part).encode() + b"\n")


def _as_file(box: str, content: bytes) -> int:
    """A file without a name that holds ``content``."""
    path = os.path.join(box, "input")
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    os.unlink(path)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _note(channel: int) -> bytes:
    """What the candidate said at its end, which is one byte at most."""
    try:
        return os.read(channel, 1)
    except BlockingIOError:
        return b""


def _status_soon(process: int) -> int:
    """How the candidate ended, now that nobody asks it any more; 0 if it hangs, for it ends with its group."""
    for _step in range(50):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return 0


def _status(process: int) -> int:
    """The exit code of the candidate, or minus the signal that ended it; other orphans are reaped on the way."""
    while True:
        ended, status = os.wait()
        if ended == process:
            return os.waitstatus_to_exitcode(status)
