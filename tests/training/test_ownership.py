"""A run's folder: ours by its marker; what is deleted, what stays, and who works in it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import OutputError, PenchantError
from penchant.locks import LOCK
from penchant.training import Result
from penchant.training.folder import RunFolder
from penchant.training.identity.ownership import MARKER, Marker, clear, read_marker, written_files

Train = Callable[..., Result]

RECIPE = {"objective": {"name": "dpo"}}
ORIGIN = {"model": "a", "data": "b"}


def contents(folder: Path) -> dict[str, str]:
    """Every file and link below a folder, with what it holds or names."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_text(errors="replace")
    return found


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


WRITTEN = ("metrics.jsonl", "checkpoints/checkpoint-2/model.safetensors", "model/config.json", "samples/000-before.png")


def worked(folder: Path, *, killed: bool = False) -> None:
    """A folder in which a run worked, to its end or until it was killed."""
    run = RunFolder(folder)
    try:
        with run.freed_on_failure():
            run.claim(resume=False, overwrite=False)
            run.begin(RECIPE, ORIGIN, resume=False)
            put(folder, *WRITTEN)
            if killed:
                left = {name: (folder / name).read_text() for name in (MARKER, LOCK)}
    finally:
        if killed:
            (folder / MARKER).write_text(left[MARKER])
            (folder / LOCK).write_text(json.dumps({**json.loads(left[LOCK]), "started": "0"}))


def started(folder: Path, **how: bool) -> RunFolder:
    """Start another run in a folder; it is in progress."""
    run = RunFolder(folder)
    run.claim(**{"resume": False, "overwrite": False, **how})
    run.begin(RECIPE, ORIGIN, resume=how.get("resume", False))
    return run


@pytest.mark.parametrize("killed", [False, True])
def test_overwrite_deletes_what_the_run_wrote_and_nothing_else(
    tmp_path: Path, killed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    worked(folder, killed=killed)
    put(elsewhere, "precious.txt", "checkpoint-9/model.safetensors")
    mine = ["notes.txt", "checkpoints/keep/me.txt", "rounds/my notes.md"] + ([] if killed else ["model/mine.json"])
    put(folder, *mine)
    (folder / "link").symlink_to(elsewhere)
    (folder / "checkpoints" / "checkpoint-9").symlink_to(elsewhere / "checkpoint-9")
    before, others = contents(folder), contents(elsewhere)
    with caplog.at_level(logging.WARNING, "penchant"):
        run = started(folder, overwrite=True)
    after = contents(folder)
    left = {*mine, "link", "checkpoints/checkpoint-9"}
    assert set(after) == {*left, MARKER, LOCK, "recipe.yaml", "origin.json"}
    assert {name: after[name] for name in left} == {name: before[name] for name in left}
    assert contents(elsewhere) == others
    assert "stays what no run wrote" in caplog.text and "notes.txt" in caplog.text
    run._unlock()


def test_what_was_left_is_left_again(tmp_path: Path) -> None:
    worked(tmp_path)
    put(tmp_path, "model/mine.json")
    for _ in range(2):
        run = RunFolder(tmp_path)
        with run.freed_on_failure():
            run.claim(resume=False, overwrite=True)
            run.begin(RECIPE, ORIGIN, resume=False)
            put(tmp_path, *WRITTEN)
    assert (tmp_path / "model" / "mine.json").is_file()


def test_a_resumed_run_keeps_its_id_and_what_is_not_its_own(tmp_path: Path) -> None:
    worked(tmp_path)
    before = read_marker(tmp_path)
    put(tmp_path, "model/mine.json")
    run = RunFolder(tmp_path)
    with run.freed_on_failure():
        run.claim(resume=True, overwrite=False)
        run.begin(RECIPE, ORIGIN, resume=True)
        put(tmp_path, "model/new.safetensors")
    after = read_marker(tmp_path)
    assert before is not None and after is not None and after.run == before.run
    assert "model/new.safetensors" in (after.files or ()) and "model/mine.json" not in (after.files or ())


def test_content_goes_before_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(tmp_path)
    unlink, done = Path.unlink, []

    def interrupted(path: Path, missing_ok: bool = False) -> None:
        if len(done) == 3 and path.name != LOCK:
            raise KeyboardInterrupt
        done.append(path)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", interrupted)
    marker = read_marker(tmp_path)
    assert marker is not None
    with pytest.raises(KeyboardInterrupt):
        clear(tmp_path, marker)
    monkeypatch.undo()
    assert read_marker(tmp_path) == marker and len(written_files(tmp_path)) < len(WRITTEN) + 2
    started(tmp_path, overwrite=True)._unlock()


@pytest.mark.parametrize("more", [(), ("origin.json",), ("checkpoints/checkpoint-1/trainer_state.json",), (MARKER,)])
@pytest.mark.parametrize("how", [{}, {"overwrite": True}, {"resume": True}])
def test_a_folder_of_the_user_is_never_touched(tmp_path: Path, more: tuple[str, ...], how: dict[str, bool]) -> None:
    put(tmp_path, "recipe.yaml", "model/weights.bin", "samples/audio1.wav", *more)
    before = contents(tmp_path)
    run = RunFolder(tmp_path)
    with pytest.raises(PenchantError), run.freed_on_failure():
        run.claim(**{"resume": False, "overwrite": False, **how})
        run.check_same(RECIPE)
        run.begin(RECIPE, ORIGIN, resume=how.get("resume", False))
    assert contents(tmp_path) == before


def test_a_run_of_an_earlier_version_is_resumed_and_marked_but_not_deleted(tmp_path: Path) -> None:
    worked(tmp_path)
    (tmp_path / MARKER).unlink()
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"without run\.json.*earlier version"):
        RunFolder(tmp_path).claim(resume=False, overwrite=True)
    assert contents(tmp_path) == before
    started(tmp_path, resume=True)._unlock()
    assert read_marker(tmp_path) is not None


@pytest.mark.parametrize("name", ["checkpoints", "samples", "metrics.jsonl"])
def test_overwrite_follows_no_link_in_place_of_a_folder(tmp_path: Path, name: str) -> None:
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    worked(folder)
    put(elsewhere, "checkpoint-2/model.safetensors", "000-before.png")
    put(tmp_path, "file")
    if (folder / name).is_dir():
        (folder / name).rename(tmp_path / "away")
        (folder / name).symlink_to(elsewhere)
    else:
        (folder / name).unlink()
        (folder / name).symlink_to(tmp_path / "file")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=f"{name} is a symbolic link.*follows none"):
        RunFolder(folder).claim(resume=False, overwrite=True)
    assert contents(tmp_path) == {**before}


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"id": "x", "written_by": "penchant"}', '{"id": "' + "0" * 32 + '"}']
)
def test_a_file_of_the_markers_name_is_no_marker(tmp_path: Path, content: str) -> None:
    (tmp_path / MARKER).write_text(content)
    assert read_marker(tmp_path) is None
    real = tmp_path / "real"
    real.mkdir()
    Marker.new().write(real)
    (tmp_path / MARKER).unlink()
    (tmp_path / MARKER).symlink_to(real / MARKER)
    assert read_marker(real) is not None and read_marker(tmp_path) is None


def test_a_start_that_fails_frees_the_folder(tmp_path: Path) -> None:
    for folder, kept in ((tmp_path / "new", False), (tmp_path / "empty", True)):
        if kept:
            folder.mkdir()
        run = RunFolder(folder)
        with pytest.raises(PenchantError), run.freed_on_failure():
            run.claim(resume=False, overwrite=False)
            put(folder, ".preflight/model/config.json")
            run.begin(RECIPE, ORIGIN, resume=False)
            raise PenchantError("later")
        assert folder.exists() == kept and (not kept or contents(folder) == {})


def test_a_start_that_is_killed_before_it_begins_does_not_block_the_folder(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.claim(resume=False, overwrite=False)
    put(tmp_path, ".preflight/model/config.json")
    run._unlock()  # as if it had been killed
    started(tmp_path)._unlock()
    assert set(contents(tmp_path)) == {MARKER, "recipe.yaml", "origin.json"}


def test_a_failed_overwrite_leaves_a_folder_that_can_be_used(tmp_path: Path) -> None:
    worked(tmp_path)
    put(tmp_path, "notes.txt")
    run = RunFolder(tmp_path)
    with pytest.raises(PenchantError), run.freed_on_failure():
        run.claim(resume=False, overwrite=True)
        run.begin(RECIPE, ORIGIN, resume=False)
        raise PenchantError("later")
    started(tmp_path)._unlock()
    assert (tmp_path / "notes.txt").read_text() == "notes.txt"


@pytest.mark.parametrize("how", [{}, {"overwrite": True}, {"resume": True}])
def test_a_second_run_into_the_same_folder_is_refused(tmp_path: Path, how: dict[str, bool]) -> None:
    first = started(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="Another run works in this folder now" if how else "already holds another"):
        RunFolder(tmp_path).claim(**{"resume": False, "overwrite": False, **how})
    assert contents(tmp_path) == before
    first._unlock()


@pytest.mark.long
def test_two_processes_that_start_at_once(train: Train, folder: Path, tmp_path: Path) -> None:
    """One of them trains, the other is refused in one sentence, and the result is that of a run alone."""
    from small_runs import write_pairs

    data = write_pairs(tmp_path / "pairs.jsonl")
    words = ["train", f"--model={folder}", f"--data={data}", f"--out={tmp_path / 'run'}", "max_steps=2", "samples=0"]
    start = [sys.executable, "-m", "penchant", *words]
    both = [subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate()[1] for each in both]
    assert sorted(each.returncode for each in both) == [0, 1], said
    refused = said[0] if both[0].returncode else said[1]
    errors = [line for line in refused.splitlines() if "error:" in line]
    assert len(errors) == 1 and ("Another run works in this folder" in errors[0] or "already holds" in errors[0])
    assert not (tmp_path / "run" / LOCK).exists()


def test_a_finished_run_lists_its_files(train: Train, tmp_path: Path) -> None:
    run: Any = train()
    marker = read_marker(run.folder)
    assert marker is not None and {*contents(run.folder)} - {MARKER} == set(marker.files or ())
