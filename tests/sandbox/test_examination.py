"""Values, objects and callbacks cross between program and tests as if they were in one process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.sandbox import Sandbox
from penchant.sandbox.inside.pieces import split
from penchant.sandbox.inside.values import decoded, encoded

PROGRAM = """
import math
from collections import Counter, namedtuple
from datetime import date
from decimal import Decimal
from fractions import Fraction

class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)

class Node:
    def __init__(self, value, after=None): self.value, self.after = value, after

def chain(values):
    node = None
    for value in reversed(values): node = Node(value, node)
    return node

def sort(values): values.sort()
def squares(count):
    for number in range(count): yield number * number
def apply(function, values): return [function(value) for value in values]
def count(text): return Counter(text)
def point(): return namedtuple("Point", "x y")(1, 2)
def half(): return Fraction(1, 2), Decimal("0.5"), date(2020, 1, 2)
def boom(): raise KeyError("k")
class Own(Exception): pass
def own(): raise Own("mine")
LIMIT = 7
"""

TESTS = """
stack = Stack()
stack.push(1)
stack.push([2])
assert len(stack) == 2
assert stack.pop() == [2]
assert isinstance(stack, Stack)
assert not isinstance(3, Stack)
values = [3, 1, 2]
sort(values)
assert values == [1, 2, 3]
assert list(squares(4)) == [0, 1, 4, 9]
assert 4 in squares(3)
assert apply(lambda value: value + 1, [1, 2]) == [2, 3]
assert apply(int, ["1"]) == [1]
assert count("aab") == {"a": 2, "b": 1}
assert point() == (1, 2)
from datetime import date
from decimal import Decimal
from fractions import Fraction
assert half() == (Fraction(1, 2), Decimal("0.5"), date(2020, 1, 2))
def test_errors():
    try:
        boom()
    except KeyError:
        pass
    else:
        assert False
    try:
        own()
    except Exception as error:
        assert "mine" in str(error)
assert chain([1, 2]).after.value == 2
assert chain([1]).after is None
assert math.sqrt(4) == LIMIT - 5
assert Stack() != Stack()
"""


def test_programs_of_every_kind_pass_their_tests(sandbox: Sandbox) -> None:
    result = sandbox.run(PROGRAM, tests=TESTS)
    assert [test.message for test in result.tests if not test.passed] == []
    assert len(result.tests) == 17


def test_what_went_wrong_is_said(sandbox: Sandbox) -> None:
    tests = "assert f(1) == 2\nassert g() == 1\nassert f(0)"
    result = sandbox.run("def f(x): return 1 / x", tests=tests)
    messages = [test.message for test in result.tests]
    assert messages[0].startswith("AssertionError") and "'g' is not defined" in messages[1]
    assert messages[2].startswith("ZeroDivisionError")
    [broken] = sandbox.run("def f(: pass", tests="assert f()").tests
    assert "did not load: SyntaxError" in broken.message


def test_a_failing_preparation_fails_what_follows(sandbox: Sandbox) -> None:
    result = sandbox.run("x = 1", tests="assert x == 1\ny = x.missing\nassert x == 1")
    assert [test.passed for test in result.tests] == [True, False]


@pytest.mark.parametrize(
    ("tests", "count"),
    [
        ("assert f()", 1),
        ("x = f()\nassert x\nassert x == 1", 2),
        ("def test_a():\n    assert f()\ndef test_b(x): pass\ndef help(): pass", 1),
        ("def check(f):\n    assert f()\ncheck(f)", 1),
        ("import json\nfor n in range(3):\n    assert f(n)", 1),
    ],
)
def test_what_counts_as_a_test(tests: str, count: int) -> None:
    assert sum(piece.counts for piece in split(tests)) == count


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.fractions(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_values_cross_unchanged(value: object) -> None:
    def none(_: object) -> int:
        raise AssertionError("a plain value needs no handle")

    back = decoded(encoded(value, none), none)
    assert back == value and type(back) is type(value)


def test_thousands_of_failing_tests_are_all_reported(sandbox: Sandbox) -> None:
    tests = "\n".join(f"assert f({number}) == {number}, 'x' * 200" for number in range(1500))
    result = sandbox.run("def f(x): return x // 1000 * x", tests=tests)
    assert result.outcome == "failed" and sum(test.passed for test in result.tests) == 501
