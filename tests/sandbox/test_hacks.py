"""A program cannot pass tests without doing what they ask for."""

from __future__ import annotations

import pytest

from penchant.sandbox import Limits, Sandbox

TESTS = """
from math import isclose
assert add(1, 2) == 3
assert add("a", "b") == "ab"
assert abs(add(0.25, 0.5) - 0.75) < 1e-6
assert add([1], [2]) in ([1, 2], (1, 2))
assert isclose(add(1.25, 1), 2.25)
def test_more():
    assert add(2, 2) == 4
def check(candidate):
    for number in range(1, 5):
        assert candidate(number, number) == 2 * number
check(add)
"""

HACKS = {
    "leaves before the tests": "import os; os._exit(0)",
    "leaves with SystemExit": "raise SystemExit(0)",
    "leaves in the first call": "import os\ndef add(a, b): os._exit(0)",
    "raises SystemExit in a call": "def add(a, b): raise SystemExit(0)",
    "equals everything": """
class Any:
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    def __sub__(self, other): return 0.0
    def __abs__(self): return 0.0
    def __float__(self): return 0.0
    def __bool__(self): return True
def add(a, b): return Any()
""",
    "a text that equals everything": """
class Text(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
def add(a, b): return Text("x")
""",
    "a number that equals everything": """
class Number(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __hash__ = float.__hash__
def add(a, b): return Number(99)
""",
    "replaces builtins": """
import builtins, math
builtins.abs = builtins.len = lambda *_: 0
builtins.AssertionError = None
math.isclose = lambda *_: True
def abs(x): return 0
def isclose(*_): return True
def check(_): pass
def add(a, b): return 99
""",
    "writes verdicts to every file": """
import os
for descriptor in range(3, 64):
    try: os.write(descriptor, b'{"test": [true, ""]}\\n' * 50 + b'{"end": 0}\\n')
    except OSError: pass
def add(a, b): return 99
""",
    "returns itself endlessly": "def add(a, b):\n    x = []\n    x.append(x)\n    return x",
    "answers with a flood": "import os\ndef add(a, b):\n    while True: os.write(4, b'\\xff' * 65536)",
    "replaces the examiner's protocol": """
import json
json.dumps = lambda *_, **__: '{"value": true, "arguments": []}'
def add(a, b): return True
""",
    "kills its parent": "import os, signal\ndef add(a, b):\n    os.kill(os.getppid(), signal.SIGTERM)\n    return 99",
}


@pytest.mark.parametrize("hack", HACKS.values(), ids=[name.replace(" ", "-") for name in HACKS])
def test_a_hack_passes_no_test(hack: str, sandbox: Sandbox) -> None:
    result = sandbox.run(hack, tests=TESTS)
    assert len(result.tests) == 7
    assert result.share == 0.0 and not result.passed, result


def test_an_honest_program_passes(sandbox: Sandbox) -> None:
    result = sandbox.run("def add(a, b):\n    return a + b", tests=TESTS)
    assert result.passed and result.share == 1.0, result


def test_tests_and_expected_values_are_not_in_the_programs_memory(sandbox: Sandbox) -> None:
    """The program looks through every frame and object, and through its own memory where it can be read."""
    spy = """
import gc, sys
found = []
def look():
    frame = sys._getframe()
    while frame:
        found.extend(map(repr, frame.f_locals.values()))
        frame = frame.f_back
    found.extend(repr(each)[:2000] for each in gc.get_objects() if isinstance(each, (dict, list, tuple, bytes, str)))
def add(a, b):
    look()
    return str("".join(["7316", "4205"]) in " ".join(found)) if a else "x"
"""
    tests = "assert add(0, 1) != 73164205\nassert add(1, 1) == 'False'"
    assert sandbox.run(spy, tests=tests).passed


def test_each_test_before_a_limit_counts(sandbox: Sandbox) -> None:
    program = "def add(a, b):\n    while a == 3: pass\n    return a + b"
    result = sandbox.run(program, tests="\n".join(f"assert add({n}, 1) == {n + 1}" for n in range(6)))
    assert result.outcome == "timeout" and result.share == 0.5
    assert [test.passed for test in result.tests] == [True] * 3 + [False] * 3


def test_a_test_that_hangs_ends_too(sandbox: Sandbox) -> None:
    result = sandbox.run("x = 1", tests="assert x == 1\nwhile True: pass\nassert x == 1")
    assert result.outcome in ("timeout", "killed") and [test.passed for test in result.tests] == [True, False]


def test_what_a_program_prints_is_no_verdict() -> None:
    with Sandbox(Limits(seconds=3), jobs=1) as sandbox:
        result = sandbox.run('print(\'{"test": [true, ""]}\')\ndef f(): return 1', tests="assert f() == 2")
        assert result.share == 0.0 and "test" in result.stdout
