"""A disk that is full, read-only or failing: one of our errors, the earlier checkpoints whole, and the same end later.

The calls of the C library fail with the error numbers of such disks; where mounting is allowed, a small disk in memory
is full, or read-only, in earnest.
"""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reliability.commands import ANYTHING, Calls
from reliability.killing import Killer, hold, wrong_words
from reliability.subjects import FILES, ONLINE, TRAIN, OneFile, Run

pytestmark = pytest.mark.long
Record = Callable[[str, object], None]

CHANGES = Calls.OPEN | Calls.WRITE | Calls.RENAME | Calls.FOLDER | Calls.SYNC | Calls.SIZE
TRAINING = Run("train", TRAIN, form="*/run/*", calls=CHANGES)
RUNS = (
    TRAINING,
    Run("train, the cache", TRAIN, form="*/cache/*", calls=CHANGES, kills=5),
    Run("train, at its end", TRAIN, form="*/run/*.json*", calls=CHANGES, kills=5),
    Run("online", ONLINE, form="*/run/*", calls=CHANGES),
)
FAULTS = {
    "full disk": (errno.ENOSPC, True, Calls.WRITE | Calls.OPEN | Calls.SIZE | Calls.FOLDER),
    "failing disk": (errno.EIO, False, Calls.WRITE | Calls.SYNC),
    "read-only from a moment on": (errno.EROFS, True, ANYTHING),
}
# Bytes of a file, in which the weights of the model fit or do not.
LIMITS = (1000, 5000, 60_000, 100_000, 170_000)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("subject", RUNS, ids=lambda subject: subject.name)
def test_a_run_goes_on_after_a_disk_that_fails(
    subject: Run, fault: str, killer: Killer, record_property: Record
) -> None:
    error, lasting, calls = FAULTS[fault]
    outcomes = killer.fail_run(replace(subject, calls=calls), error, lasting=lasting)
    hold(f"{fault}: {subject.name}", outcomes, record_property)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("subject", FILES, ids=lambda subject: subject.name)
def test_a_command_leaves_the_old_file_or_the_new_one(
    subject: OneFile, fault: str, killer: Killer, record_property: Record
) -> None:
    error, _, calls = FAULTS[fault]
    hold(f"{fault}: {subject.name}", killer.hurt_file(subject, error, calls), record_property)


def test_a_run_goes_on_where_files_may_be_larger(killer: Killer, record_property: Record) -> None:
    def outcomes() -> Iterator[list[str]]:
        without = tuple(TRAINING.without)
        whole, _ = killer.whole(TRAIN, without)
        for limit in LIMITS:
            folder, words = killer.place("limited"), killer.given.words(TRAIN)
            failed = killer.commands.run(folder, words, limit=limit, without=without)
            wrong = wrong_words(failed) + killer.go_on(whole, folder, [*words, "--resume"], without)
            yield [f"files of {limit} bytes: {each}" for each in wrong]

    hold("files of limited size: train", outcomes(), record_property)


def mount(*words: str) -> bool:
    """Whether ``mount WORDS`` is possible and allowed here."""
    try:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk in memory, of a size that `mount -o remount,size=` changes."""
    if not mount("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(tmp_path)):
        pytest.skip("mounting is not allowed here; the errors of such a disk are injected in the tests above")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_run_goes_on_when_a_full_disk_has_space_again(
    killer: Killer, small_disk: Path, record_property: Record
) -> None:
    def outcomes() -> Iterator[list[str]]:
        without = tuple(TRAINING.without)
        whole, _ = killer.whole(TRAIN, without)
        for number in range(10):
            folder, words = small_disk / str(number), killer.given.words(TRAIN)
            folder.mkdir()
            (folder / "judging.py").write_bytes((whole / "judging.py").read_bytes())
            assert mount("-o", f"remount,size={880 + 60 * number}k", str(small_disk))
            failed = killer.commands.run(folder, words, without=without)
            wrong = wrong_words(failed) if failed.code != 0 else []
            assert mount("-o", "remount,size=16m", str(small_disk))
            wrong += killer.go_on(whole, folder, [*words, "--resume"], without)
            yield [f"{880 + 60 * number} kB: {each}" for each in wrong]
            subprocess.run(["rm", "-r", str(folder)], check=True)

    hold("a full disk in memory: train", outcomes(), record_property)


@pytest.mark.parametrize("subject", FILES, ids=lambda subject: subject.name)
def test_a_read_only_folder_is_said(subject: OneFile, killer: Killer, small_disk: Path) -> None:
    assert mount("-o", "remount,ro", str(small_disk))
    ended = killer.commands.run(small_disk, killer.given.words(subject.words), PENCHANT_CACHE=str(killer.folder))
    assert wrong_words(ended) == []
    assert "read-only" in ended.words.lower() and Path(subject.output).name in ended.words


@pytest.mark.parametrize("words", [TRAIN, ONLINE], ids=["train", "online"])
def test_a_run_on_a_read_only_disk_is_refused_before_any_work(words: str, killer: Killer, small_disk: Path) -> None:
    (small_disk / "judging.py").write_bytes((killer.place("judge") / "judging.py").read_bytes())
    assert mount("-o", "remount,ro", str(small_disk))
    ended = killer.commands.run(small_disk, killer.given.words(words), PENCHANT_CACHE=str(killer.folder))
    assert wrong_words(ended) == []
    assert "Read-only file system" in ended.words and "Choose another folder with --out" in ended.words
