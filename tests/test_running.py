"""How the tests are run: nothing is left out of the checks of a change, the law comes first, and costs are known."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plugins import costs
from plugins.law_first import LAW, TESTS, pytest_collection_modifyitems

ROOT = Path(__file__).resolve().parents[1]


def commands(target: str) -> list[list[str]]:
    """The commands of pytest that ``make target`` runs, as words."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is absent")
    # --old-file: whatever .venv was built from, here nothing is built.
    plan = [make, "--dry-run", "--old-file=.venv/.installed", target]
    printed = subprocess.run(plan, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [shlex.split(line) for line in printed.splitlines() if "pytest" in line]


def markers(command: list[str]) -> str:
    """What a command gives as ``-m``; without it, what the configuration gives."""
    options = command[command.index("pytest") :]
    return options[options.index("-m") + 1] if "-m" in options else "not long"


def test_the_checks_of_a_change_run_every_test(pytestconfig: pytest.Config) -> None:
    added = pytestconfig.getini("addopts")
    assert added[added.index("-m") + 1] == "not long"
    assert [markers(command) for command in commands("test")] == ["not long"]
    assert sorted(markers(command) for command in commands("test-all")) == ["long", "not long"]
    assert "step make test-all\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_worker_begins_with_the_law(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(workers))
    law = [SimpleNamespace(path=TESTS / LAW[0] / "test_a.py", number=number) for number in range(9)]
    rest = [SimpleNamespace(path=TESTS / "cli" / "test_b.py", number=number) for number in range(9, 21)]
    items: list[Any] = [*rest, *law]
    pytest_collection_modifyitems(items)
    assert sorted(item.number for item in items) == list(range(21))
    share = len(items) // workers
    for part in range(workers):
        places = [item in law for item in items[part * share : (part + 1) * share]]
        assert places == sorted(places, reverse=True) and any(places)


def test_the_places_of_the_law_exist() -> None:
    assert [place for place in LAW if not (TESTS / place).exists()] == []


def test_the_most_expensive_files_and_tests_are_listed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_dear="import time\ndef test_dear():\n    start = time.process_time()\n"
        "    while time.process_time() < start + 0.3: pass\n",
        test_cheap="def test_one(): pass\ndef test_other(): pass\n",
    )
    done = pytester.runpytest_inprocess("--costs", "1", plugins=[costs])
    done.stdout.fnmatch_lines(["*processor seconds*", "*files", "*test_dear.py  (1 tests)", "*tests", "*test_dear"])
    done.stdout.no_fnmatch_line("*test_cheap.py*(*")
