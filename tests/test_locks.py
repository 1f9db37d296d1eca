"""The lock on a folder: one holder at a time; who has ended holds nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import OutputError
from penchant.locks import LOCK, FolderLock

HOLD = """
import sys
from pathlib import Path
from penchant.locks import FolderLock
FolderLock(Path(sys.argv[1])).take()
print("held", flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    found = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert found.stdout is not None and found.stdout.readline() == "held\n"
    return found


def altered(folder: Path, **changed: Any) -> None:
    path = folder / LOCK
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def left_behind(folder: Path) -> None:
    """The lock of a process that was killed."""
    found = holder(folder)
    found.kill()
    found.wait()
    assert found.returncode == -signal.SIGKILL and (folder / LOCK).is_file()


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    first, lock = holder(tmp_path), FolderLock(tmp_path)
    with pytest.raises(OutputError, match=rf"Another run works in this folder now \(process {first.pid} on "):
        lock.take()
    first.kill()
    first.wait()
    lock.take()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_process_with_the_same_number_that_started_later_is_another(tmp_path: Path) -> None:
    left_behind(tmp_path)
    altered(tmp_path, process=os.getppid())
    FolderLock(tmp_path).take()


def test_the_lock_of_this_process_counts_only_while_it_is_held(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.take()
    with pytest.raises(OutputError, match="Another run works"):
        FolderLock(tmp_path).take()
    content = (tmp_path / LOCK).read_text()
    lock.release()
    (tmp_path / LOCK).write_text(content)
    FolderLock(tmp_path).take()


def test_another_host_cannot_be_asked_so_its_lock_stays_until_it_is_deleted(tmp_path: Path) -> None:
    left_behind(tmp_path)
    altered(tmp_path, host="elsewhere")
    with pytest.raises(OutputError, match=r"on elsewhere\)\. .*If you are sure that it has ended, delete .*\.lock"):
        FolderLock(tmp_path).take()
    (tmp_path / LOCK).unlink()
    FolderLock(tmp_path).take()


def test_a_restarted_machine_has_no_holders(tmp_path: Path) -> None:
    left_behind(tmp_path)
    altered(tmp_path, boot="before", process=os.getpid())
    FolderLock(tmp_path).take()


def test_a_container_of_the_same_machine_is_asked_through_the_kernel(tmp_path: Path) -> None:
    first = holder(tmp_path)
    altered(tmp_path, space="pid:[1]", process=10**7)
    with pytest.raises(OutputError, match="Another run works"):
        FolderLock(tmp_path).take()
    first.kill()
    first.wait()
    FolderLock(tmp_path).take()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"process": 1}', "\0" * 100])
def test_a_damaged_lock_counts_for_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK).write_text(content)
    FolderLock(tmp_path).take()


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / LOCK).symlink_to("precious")
    with pytest.raises(OSError, match="symbolic links"):
        FolderLock(tmp_path).take()
    assert (tmp_path / "precious").read_text() == "mine"


def test_of_many_that_start_at_once_one_wins(tmp_path: Path) -> None:
    left_behind(tmp_path)
    program = HOLD.replace("sys.stdin.read()", "import time; time.sleep(3)")
    starts = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    outputs = [each.communicate() for each in starts]
    assert sum(out == b"held\n" for out, _ in outputs) == 1
    assert sum(b"Another run works" in err for _, err in outputs) == 5
