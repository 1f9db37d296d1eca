"""The keeper: a process inside the fences that starts programs one after the other, watches and ends each."""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from typing import Any

from penchant.sandbox.inside import cell
from penchant.sandbox.inside.means import enter, remove
from penchant.sandbox.inside.room import BOX, python_places
from penchant.sandbox.inside.streams import Streams
from penchant.sandbox.inside.tree import Tree, reaped
from penchant.sandbox.inside.wire import read_message, write_message
from penchant.sandbox.kernel import calls

__all__ = ["Keeper", "main"]

# Seconds between looks at what a program uses; a short program is not looked at.
_LOOK = 0.025
_NO_SETUID, _NO_DEVICES = 0x2, 0x4


class Keeper:
    """Runs one program at a time.

    Args:
        requests, answers: file descriptors to the process that asks.
        base: an empty folder that the keeper may use.
        without: means to do without.
    """

    def __init__(self, requests: int, answers: int, base: str, without: list[str]) -> None:
        self.requests, self.answers, self.base = requests, answers, base
        folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        self.places, _hidden = python_places()
        self.means = enter(base, without)
        self.tree = Tree(folder)
        self.namespaced = self.means["pids"] == "namespace"
        self._own_pids = os.open("self/ns/pid", os.O_RDONLY, dir_fd=folder) if self.namespaced else -1
        self._number, self._seen = 0, 0.0

    def serve(self) -> None:
        """Run what is asked for until the other side ends, or a program has left the requests in an unknown state."""
        gc.freeze()  # a fork then copies no page for the garbage collector, which does not show these objects either
        write_message(self.answers, self.means)
        while True:
            try:
                request = read_message(self.requests)
            except EOFError:
                return
            answer = self.hold(request)
            write_message(self.answers, answer)
            if not answer["whole"]:
                return

    def hold(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one program, whose text follows the request, and end everything that it has started."""
        reaped()  # what an earlier program left counts for no later one
        self._seen = 0.0
        box = self._open_box(request["limits"])
        pipes = [os.pipe() for _stream in range(3)]
        began = time.monotonic()
        if self.namespaced:
            calls.join(self._own_pids, calls.NEW_PIDS)
            calls.unshare(calls.NEW_PIDS)
        process = os.fork()
        if not process:
            self._become_cell(request, box, [ends[1] for ends in pipes])
        for _read, write in pipes:
            os.close(write)
        streams = Streams([ends[0] for ends in pipes], request["limits"]["output_bytes"])
        why = self._watch(request["limits"], streams, began)
        wall = time.monotonic() - began
        if why:
            self._excess(request["limits"])  # what is killed need not be counted by the kernel
        spent = max(self._end(process), self._seen)
        streams.drain()
        streams.close()
        self._close_box(box)
        output, errors, report = streams.contents()
        found = cell.read_report(report)
        answer = {"why": why, "wall": wall, "cpu": spent, "whole": bool(found.get("read")), **found}
        return answer | {"stdout": output.decode("latin-1"), "stderr": errors.decode("latin-1"), "cut": streams.full}

    def _become_cell(self, request: dict[str, Any], box: str, ends: list[int]) -> None:
        try:
            os.close(self.answers)
            cell.run(request, self.requests, box, ends, self.means, self.places)
        except BaseException:
            os.write(ends[-1], json.dumps({"broken": traceback.format_exc()}).encode() + b"\n")
        finally:
            os._exit(70)

    def _watch(self, limits: dict[str, Any], streams: Streams, began: float) -> str:
        """Wait for the end of the cell; why it must be ended before, if it must."""
        watched = select.poll()
        watched.register(self.requests, 0)  # only whether the other side has gone
        deadline, look = began + limits["seconds"], began + _LOOK
        while streams.reporting:
            now = time.monotonic()
            if now >= deadline:
                return "timeout"
            if now >= look:
                why = self._excess(limits)
                if why:
                    return why
                if watched.poll(0):
                    return "abandoned"
                look = time.monotonic() + _LOOK
            streams.read(min(deadline, look) - time.monotonic())
            if streams.full:
                return "output"
        return ""

    def _excess(self, limits: dict[str, Any]) -> str:
        """Which limit all processes of the program together exceed."""
        used = self.tree.usage()
        self._seen = max(self._seen, used.cpu)
        if used.cpu > limits["cpu_seconds"] + 1:
            return "timeout"
        if used.memory > limits["memory"]:
            return "memory"
        # The cell is one of them.
        return "processes" if used.threads > limits["processes"] + 1 else ""

    def _end(self, process: int) -> float:
        """Kill what still runs; the CPU seconds of the whole program."""
        if not self.namespaced:
            return self.tree.end()
        os.kill(process, signal.SIGKILL)
        _process, _status, used = os.wait4(process, 0)
        return used.ru_utime + used.ru_stime + reaped()

    def _open_box(self, limits: dict[str, Any]) -> str:
        user = self.means["user"]
        if self.means["room"]:
            owner = f",uid={user},gid={user}" if user else ""
            size = f"size={limits['folder_bytes']},nr_inodes=10000,mode=700{owner}"
            calls.mount("tmpfs", BOX, "tmpfs", flags=_NO_SETUID | _NO_DEVICES, options=size)
            return BOX
        self._number += 1
        box = os.path.join(self.base, f"box-{self._number}")
        os.mkdir(box, 0o700)
        if user:
            os.chown(box, user, user)
        return box

    def _close_box(self, box: str) -> None:
        if self.means["room"]:
            calls.unmount(box)
            return
        for folder, _folders, _files in os.walk(box):
            os.chmod(folder, 0o700)
        shutil.rmtree(box, ignore_errors=True)


def main() -> None:
    """Serve requests on the standard streams, which programs do not get."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    plan = read_message(requests)
    os.environ.clear()
    os.environ["LANG"] = "C.UTF-8"
    sys.path[:] = [place for place in sys.path if place not in plan["hidden"]]
    try:
        Keeper(requests, answers, plan["base"], plan["without"]).serve()
    finally:
        remove(plan["base"])
