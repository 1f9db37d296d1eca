"""The candidate: runs a program as its own main module, or as a module whose names an examiner calls."""

from __future__ import annotations

import atexit
import os
import sys
import traceback
import types
from typing import Any

from penchant.sandbox.inside.answering import Answers
from penchant.sandbox.inside.wire import write_message

__all__ = ["BROKEN", "NAME", "OUT_OF_MEMORY", "run", "settle"]

#: Name of the program in its tracebacks.
NAME = "program.py"
#: What a candidate says when memory ran out.
OUT_OF_MEMORY = b"M"
#: Exit code of a candidate whose fences could not be put up.
BROKEN = 70
# What an interpreter exits with when it cannot write the last of its output.
_LOST_OUTPUT = 120

Channel = tuple[int, int]


def settle(requests: int, answers: int) -> Channel:
    """Keep the standard streams and the two ends of the channel, and close every other file.

    Returns:
        The channel's new descriptors: requests, answers.
    """
    high = os.dup(answers), os.dup(requests)
    spare = 3
    while spare in high or spare + 1 in high:
        spare += 1
    os.dup2(high[1], spare, inheritable=False)
    os.dup2(high[0], spare + 1, inheritable=False)
    os.closerange(3, spare)
    os.closerange(spare + 2, 1024)
    os.setsid()
    return spare, spare + 1


def run(program: bytes, channel: Channel, *, examined: bool) -> None:
    """Run a program to its end; does not return.

    Args:
        program: its text, in UTF-8 or as its first lines say.
        channel: descriptors of requests and answers.
        examined: whether it is a module whose names are called, instead of a main program.
    """
    requests, answers = channel
    module = types.ModuleType("program" if examined else "__main__")
    module.__dict__["__file__"] = NAME
    _forget_the_harness(module)
    code = 1
    try:
        exec(compile(program, NAME, "exec", dont_inherit=True), module.__dict__)
        if examined:
            write_message(answers, {"ready": True})
            Answers(module.__dict__, requests, answers).serve()
        code = 0
    except SystemExit as leaving:
        code = _exit_code(leaving)
        if examined:
            write_message(answers, {"ready": False, "raised": "SystemExit", "text": str(leaving)[:200]})
    except BaseException as error:
        _print(error)
        if examined:
            write_message(answers, {"ready": False, "raised": type(error).__name__, "text": _text(error)})
        elif isinstance(error, MemoryError):
            os.write(answers, OUT_OF_MEMORY)
    _leave(code)


def _forget_the_harness(module: types.ModuleType) -> None:
    """Leave a fresh interpreter's modules and arguments."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("penchant", "ctypes", "_ctypes")]:
        del sys.modules[name]
    sys.modules[module.__name__] = module
    sys.argv = [NAME]
    sys.dont_write_bytecode = True
    # The standard streams were those of the keeper.
    for name, stream, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        opened = open(stream, mode, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
        setattr(sys, name, opened)
        setattr(sys, f"__{name}__", opened)


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    print(leaving.code, file=sys.stderr)
    return 1


def _text(error: BaseException) -> str:
    try:
        return str(error)[:200]
    except BaseException:
        return ""


def _print(error: BaseException) -> None:
    """The traceback of an error, from the program's own first frame on."""
    try:
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace, limit=-20)
    except BaseException:
        os.write(2, f"{type(error).__name__}\n".encode())


def _leave(code: int) -> Any:
    """End as an interpreter does: other threads first, then what was asked for at exit, then the streams."""
    try:
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:
        code = code or 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if not stream.closed:
                stream.flush()
        except BaseException:
            code = code or _LOST_OUTPUT
    os._exit(code)
