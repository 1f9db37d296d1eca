"""Each fence holds against small attacks, with namespaces and without."""

from __future__ import annotations

import pytest

from penchant.sandbox import Sandbox, SandboxError
from penchant.sandbox.attacks import ATTACKS, LIMITS, Attack, Outside, try_attack


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what.replace(" ", "-"))
def test_a_fence_holds_where_it_says_so(attack: Attack, sandbox: Sandbox, world: Outside) -> None:
    [fence] = [fence for fence in sandbox.fences if fence.name == attack.fence]
    if not fence or (fence.name == "size of files" and fence.gap and "8 files" in attack.what):
        pytest.skip(f"not fenced in this way: {fence.gap}")
    held, result = try_attack(attack, sandbox, world)
    assert held, result
    assert sandbox.run("print(1)").stdout == "1\n"  # the keeper is as before


def test_every_fence_is_tried() -> None:
    with Sandbox(LIMITS, jobs=1) as sandbox:
        assert {fence.name for fence in sandbox.fences} == {attack.fence for attack in ATTACKS}


def test_what_is_not_fenced_is_one_sentence(sandbox: Sandbox) -> None:
    gaps = [fence.gap for fence in sandbox.fences if fence.gap]
    assert all(gap in sandbox.not_fenced for gap in gaps)
    assert bool(sandbox.not_fenced) == bool(gaps)
    assert sandbox.not_fenced.count(".") <= 1


def test_no_program_runs_where_it_could_end_other_processes() -> None:
    with (
        Sandbox(LIMITS, jobs=1, without=("namespaces", "users", "seccomp", "landlock")) as sandbox,
        pytest.raises(SandboxError, match="nothing would keep them from ending your other processes"),
    ):
        sandbox.run("print(1)")


@pytest.mark.parametrize("call", ["unshare(0x10000000)", "ptrace(0, 0, 0, 0)", "mount(b'x', b'/', b'tmpfs', 0, None)"])
def test_system_calls_that_lead_out_are_refused(call: str, sandbox: Sandbox) -> None:
    program = f"import ctypes; library = ctypes.CDLL(None, use_errno=True); print(library.{call}, ctypes.get_errno())"
    assert sandbox.run(program).stdout == "-1 1\n"


def test_a_program_has_no_privilege_left(sandbox: Sandbox) -> None:
    program = "import os\ntry: os.setuid(1)\nexcept OSError as error: print(error.errno)"
    assert sandbox.run(program).stdout == "1\n"


def test_programs_do_not_find_each_others_files(sandbox: Sandbox) -> None:
    assert sandbox.run("open('left', 'w').write('x')").passed
    assert sandbox.run("import os; print(os.listdir('.'))").stdout == "[]\n"


def test_a_folder_that_is_locked_or_removed_is_no_trouble(sandbox: Sandbox) -> None:
    sandbox.run("import os; os.mkdir('a'); open('a/b', 'w'); os.chmod('a', 0)")
    sandbox.run("import os, shutil; shutil.rmtree(os.getcwd(), ignore_errors=True); print(os.listdir('.'))")
    assert sandbox.run("import os; print(os.listdir('.'))").stdout == "[]\n"


def test_neither_installed_packages_nor_the_harness_are_there(sandbox: Sandbox) -> None:
    for name in ("torch", "penchant", "pytest"):
        assert "ModuleNotFoundError" in sandbox.run(f"import {name}").stderr
    assert sandbox.run("import sys; print([n for n in sys.modules if 'penchant' in n])").stdout == "[]\n"
