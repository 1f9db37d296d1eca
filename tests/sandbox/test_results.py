"""How a program ended is said as it was."""

from __future__ import annotations

import pytest

from penchant.errors import ConfigurationError
from penchant.sandbox import Limits, Program, Sandbox


@pytest.mark.parametrize(
    ("program", "outcome", "code", "signal"),
    [
        ("print('done')", "passed", 0, None),
        ("import os; os._exit(0)", "passed", 0, None),
        ("raise SystemExit(3)", "failed", 3, None),
        ("import sys; sys.exit('no')", "failed", 1, None),
        ("1 / 0", "failed", 1, None),
        ("def (", "failed", 1, None),
        ("(" * 10000, "failed", 1, None),
        ("\0", "failed", 1, None),
        ("f = lambda: f()\nf()", "failed", 1, None),
        ("import ctypes; ctypes.string_at(0)", "killed", None, 11),
        ("import sys, os; sys.stdout.close(); os.close(1); os.close(2)", "passed", 0, None),
        ("x = []\nwhile True: x.append(bytes(2**20))", "memory", None, None),
    ],
)
def test_outcomes(program: str, outcome: str, code: int | None, signal: int | None, sandbox: Sandbox) -> None:
    result = sandbox.run(program)
    assert (result.outcome, result.code, result.signal) == (outcome, code, signal), result
    assert result.wall > 0 and result.share == float(outcome == "passed")


def test_input_output_and_the_programs_own_traceback(sandbox: Sandbox) -> None:
    result = sandbox.run("name = input()\nprint(name * 2)\nprint(open(0).read())\nboom()", stdin="ä\nrest")
    assert result.stdout.startswith("ää\n")
    assert 'File "program.py", line 4, in <module>' in result.stderr and "penchant" not in result.stderr


def test_what_is_not_utf8_is_decoded_and_said(sandbox: Sandbox) -> None:
    result = sandbox.run("import sys; sys.stdout.buffer.write(b'caf\\xe9')")
    assert (result.stdout, result.undecodable) == ("caf\ufffd", True)
    assert not sandbox.run("print('\ufffd')").undecodable
    refused = sandbox.run(b"print('\xe9')")
    assert refused.outcome == "failed" and "SyntaxError" in refused.stderr
    assert sandbox.run(b"# coding: latin-1\nprint('\xe9')").stdout == "é\n"
    assert sandbox.run("print('\ud800')").outcome == "failed"


def test_output_is_kept_up_to_its_limit(sandbox: Sandbox) -> None:
    result = sandbox.run("import sys\nwhile True: sys.stderr.write('x' * 999); sys.stdout.write('y' * 999)")
    assert result.outcome == "output" and result.cut
    assert len(result.stdout) + len(result.stderr) == sandbox.limits.output_bytes


def test_work_at_exit_and_threads_come_before_the_end(sandbox: Sandbox) -> None:
    program = """
import atexit, threading, time
atexit.register(lambda: print("exit"))
threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()
print("main")
"""
    assert sandbox.run(program).stdout.split() == ["main", "thread", "exit"]


def test_cpu_seconds_are_those_of_the_program(sandbox: Sandbox) -> None:
    work = "import time\nwhile time.process_time() < 0.2: pass"
    assert 0.15 < sandbox.run(work).cpu < 0.9
    assert sandbox.run("pass").cpu < 0.15


def test_many_at_once_keep_their_order_and_equal_one_at_a_time() -> None:
    programs = [f"print({number})" for number in range(12)] + ["1 / 0", Program("print(input())", stdin="in")]
    with Sandbox(jobs=3) as several, Sandbox(jobs=1) as one:
        found = several.run_many(programs)
        assert [result.stdout for result in found] == [f"{number}\n" for number in range(12)] + ["", "in\n"]
        assert [result.outcome for result in found] == [one.run(program).outcome for program in programs]


def test_the_same_program_prints_the_same_in_every_keeper() -> None:
    program = "print(list({'a', 'b', 'c', 'd', 'e', 'f'}), hash('x'))"
    with Sandbox(jobs=1) as first, Sandbox(jobs=1) as second:
        assert first.run(program).stdout == second.run(program).stdout


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"memory": 1000}, {"processes": -1}, {"cpu_seconds": float("inf")}])
def test_limits_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="limits of the sandbox"):
        Limits(**wrong)  # type: ignore[arg-type]


def test_unknown_means_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="namespaces, users, seccomp, landlock"):
        Sandbox(without=["walls"])


@pytest.mark.parametrize("program", ["while True: pass", "import os\nos.fork()\nos.fork()\nwhile True: pass"])
@pytest.mark.parametrize("without", [(), ("namespaces",)])
def test_cpu_time_ends_a_program_before_its_wall_time(program: str, without: tuple[str, ...]) -> None:
    with Sandbox(Limits(seconds=120, cpu_seconds=1), jobs=1, without=without) as sandbox:
        result = sandbox.run(program)
        assert result.outcome == "timeout" and result.wall < 120, result
