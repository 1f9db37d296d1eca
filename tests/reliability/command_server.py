"""A process with all libraries loaded that forks one child for each command that it reads, and reports how it ended.

One line of JSON per command on standard input, one per result on standard output; see `reliability.commands`. It never
computes anything itself: PyTorch's threads do not survive a fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import signal
import sys
import traceback
from typing import Any

LOADED = (
    "penchant.cli.app",
    "penchant.checks.doctor",
    "penchant.curation.registry",
    "penchant.diagnostics.measure",
    "penchant.evaluation.report",
    "penchant.evaluation.scoring",
    "penchant.lab.claims.running",
    "penchant.online.loop",
    "penchant.training.compare",
    "penchant.training.run",
    "accelerate",
    "matplotlib.pyplot",
    "peft",
    "sklearn",
    "transformers.models.llama.modeling_llama",
    "transformers.trainer",
)


def _no_pictures() -> None:
    from matplotlib.figure import Figure

    def blank(self: Figure, place: Any, **_options: Any) -> None:
        if hasattr(place, "write"):
            place.write('<svg viewBox="0 0 1 1"></svg>')
        else:
            with open(place, "wb") as file:
                file.write(b"a picture")

    Figure.savefig = blank  # type: ignore[method-assign]


def _no_record() -> None:
    from penchant.lab.claims import record

    record.read_record = lambda *_folder: {}


#: What a command can be run without: drawing takes longer than a tiny run, and a recorded claim is not measured again.
WITHOUT = {"pictures": _no_pictures, "record": _no_record}


def run(order: dict[str, Any]) -> int:
    """The command, in the child: its exit code."""
    disk = ctypes.CDLL(None)
    with open(order["said"], "ab", buffering=0) as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    sys.path.insert(0, order["folder"])
    if order["limit"] is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], order["limit"]))
    if order["processor_seconds"] is not None:
        disk.fault_timer()
        signal.setitimer(signal.ITIMER_PROF, order["processor_seconds"])
    kinds, form, number, deed, lasting = order["fault"]
    if number == 0:
        disk.fault_record(f"{order['said']}.calls".encode())
    for name in order["without"]:
        WITHOUT[name]()
    from penchant.cli.app import main

    disk.fault_set(kinds, form.encode(), ctypes.c_long(number), deed, lasting)
    return main(order["words"])


def child(order: dict[str, Any]) -> None:
    """Run the command, and end without what Python does at its end."""
    code = 70
    try:
        code = run(order)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def waited(pid: int, seconds: float) -> tuple[int, float]:
    """The exit code of a child (negative: a signal) and its processor seconds; it is killed when it takes too long."""
    descriptor = os.pidfd_open(pid)
    late = not select.select([descriptor], [], [], seconds)[0]
    os.close(descriptor)
    if late:
        os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    return (-1000 if late else os.waitstatus_to_exitcode(status)), used.ru_utime + used.ru_stime


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for name in LOADED:
        with contextlib.suppress(ImportError):  # of an extra that is not installed
            importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(order)
        code, seconds = waited(pid, order["patience"])
        answers.write(json.dumps({"code": code, "processor_seconds": seconds}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
