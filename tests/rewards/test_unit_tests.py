"""Programs in responses are scored by the tests of their record, in the sandbox."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.feedback.records import Prompt
from penchant.rewards import UnitTests, build_judge
from penchant.rewards.code_blocks import code_in

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is made of what Linux offers")

TESTS = ["assert double(2) == 4", "assert double('a') == 'aa'", "assert double([]) == []"]
RIGHT = "Twice:\n```python\ndef double(x):\n    return 2 * x\n```\nThat is all."


@pytest.mark.parametrize(
    ("response", "code"),
    [
        ("x = 1", "x = 1"),
        ("Say:\n```python\nx = 1\n```\nand\n```\nx = 2\n```", "x = 2\n"),
        ("```py\nx = 1\n```\n```bash\nls\n```", "x = 1\n"),
        ("```python\nx = 1\ny = 2", "x = 1\ny = 2"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"),
        ("~~~\nx = 1\n~~~", "x = 1\n"),
        ("```bash\nls\n```", ""),
        ("", ""),
    ],
)
def test_the_program_of_a_response(response: str, code: str) -> None:
    assert code_in(response) == code


def test_the_share_of_passed_tests_is_the_score() -> None:
    responses = [RIGHT, "def double(x): return 4", "def double(x): return x", "no code", "import os; os._exit(0)", ""]
    judge = UnitTests([("q", TESTS)], jobs=2)
    assert judge.score("q", responses) == pytest.approx([1.0, 1 / 3, 1 / 3, 0.0, 0.0, 0.0])
    assert not judge.verifies
    strict = UnitTests([("q", "\n".join(TESTS))], jobs=2, partial=False)
    assert strict.score("q", responses) == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0] and strict.verifies


def test_tests_come_from_the_records_of_a_file(tmp_path: Path) -> None:
    import json

    file = tmp_path / "prompts.jsonl"
    rows: list[dict[str, Any]] = [{"prompt": "p", "tests": TESTS}, {"prompt": "q", "tests": "assert f() == 1"}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    judge = build_judge({"name": "unit_tests", "seconds": 5.0, "jobs": 1}, read(file).records)
    assert judge is not None
    assert judge.score("q", ["def f(): return 1", RIGHT]) == [1.0, 0.0]
    with pytest.raises(DataError, match="no tests for the prompt 'r'"):
        judge.score("r", ["x"])


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        (None, "no field 'tests'"),
        (7, "'tests' is '7'"),
        ([1, 2], "so programs cannot be judged"),
        ("assert (", "not Python"),
        ("\0", "not Python"),
        ([], "is empty"),
        ("# nothing", "is empty"),
    ],
)
def test_tests_that_cannot_be_run_are_named(tests: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        UnitTests().read([Prompt(prompt="p", fields={} if tests is None else {"tests": tests})])


def test_contradictions_and_wrong_keys_are_errors() -> None:
    with pytest.raises(DataError, match="other tests in an earlier record"):
        UnitTests([("p", "assert f()"), ("p", "assert g()")])
    with pytest.raises(ConfigurationError, match="'memory' is 1"):
        build_judge({"name": "unit_tests", "memory": 1})


def test_a_gap_is_said_once_when_the_records_are_read(caplog: pytest.LogCaptureFixture) -> None:
    from penchant.sandbox import Sandbox

    judge = UnitTests(jobs=1)
    judge._sandbox = Sandbox(jobs=1, without=["namespaces"])
    judge.read([Prompt(prompt="p", fields={"tests": "assert f()"})])
    judge.score("p", ["x", "y"])
    assert caplog.text.count("Not fenced here") == 1
