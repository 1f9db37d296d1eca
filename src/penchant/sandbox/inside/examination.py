"""The examiner: runs tests in a process of its own, and calls the candidate's names in the other.

The candidate sees the arguments of its functions, and nothing of the tests: neither their text nor expected values.
What it returns is compared here.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Iterator
from typing import Any

from penchant.sandbox.inside.pieces import Piece, split
from penchant.sandbox.inside.remote import Candidate
from penchant.sandbox.inside.wire import read_message

__all__ = ["examine"]

Outcome = tuple[bool, str]


def examine(tests: bytes, answers: int, requests: int) -> Iterator[Outcome]:
    """Run tests against a candidate.

    Args:
        tests: Python code in which `split` finds the tests.
        answers, requests: file descriptors to the candidate.

    Yields:
        For each test whether it passed, and what was wrong.
    """
    try:
        ready = read_message(answers)
    except (EOFError, ValueError):
        ready = {"ready": False, "raised": "an early end of the program", "text": ""}
    pieces = split(tests.decode("utf-8"))
    ready = ready if isinstance(ready, dict) else {}
    if ready.get("ready") is not True:
        text = f"the program did not load: {ready.get('raised')}: {ready.get('text')}"[:300]
        yield from ((False, text) for piece in pieces if piece.counts)
        return
    candidate = Candidate(answers, requests)
    names: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
    broken = ""
    for piece in pieces:
        said = broken or _attempt(piece, names, candidate)
        if piece.counts:
            yield not said, said
        elif said:
            broken = f"before this test: {said}"


def _attempt(piece: Piece, names: dict[str, Any], candidate: Candidate) -> str:
    """Run one piece of the tests; what was wrong, or nothing."""
    try:
        for name in piece.names:
            if name not in names and not hasattr(builtins, name):
                _bind(name, names, candidate)
        exec(piece.code, names)
        if piece.function:
            names[piece.function]()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:300]
    return ""


def _bind(name: str, names: dict[str, Any], candidate: Candidate) -> None:
    """Give a name of the tests its meaning: a module of the standard library, else what the candidate has."""
    found = candidate.look_up(name)
    module = found.get("module")
    if isinstance(module, str) and module.partition(".")[0] in sys.stdlib_module_names:
        names[name] = importlib.import_module(module)
    elif "value" in found and name not in sys.stdlib_module_names:
        names[name] = candidate.decoded(found["value"])
