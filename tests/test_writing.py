"""The one writer: a file is there whole or as it was before; who may be replaced; streams are passed on."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant import writing
from penchant.errors import OutputError
from penchant.targets import claim_file, input_at
from penchant.writing import draft_of, replacing, write_json, write_rows, write_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(rows=st.lists(JSON, max_size=6))
def test_rows_read_back_as_they_were(tmp_path: Path, rows: list[Any]) -> None:
    path = tmp_path / "rows.jsonl"
    assert write_rows(path, rows) == len(rows)
    assert [json.loads(line) for line in path.read_text().split("\n")[:-1]] == rows


@pytest.mark.parametrize("place", [0, 1, 5000])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_raise_in_the_middle_leaves_the_old_file(tmp_path: Path, place: int, error: type[BaseException]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("old")

    def rows() -> Any:
        for number in range(10_000):
            if number == place:
                raise error("stop")
            yield {"number": number, "text": "x" * 50}

    with pytest.raises((error, OutputError)):
        write_rows(path, rows())
    assert contents(tmp_path) == {"rows.jsonl": "old"}


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(writing.os, function, fail)
    with pytest.raises(OutputError, match=r"a.json: The findings cannot be written \(Input/output error\)"):
        write_json(path, {"a": 1}, "The findings")
    monkeypatch.undo()
    assert contents(tmp_path) == {"a.json": "old"}


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(source: Any, target: Any) -> None:
        assert Path(source).parent == Path(target).parent
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(writing.os, "fsync", synced)
    monkeypatch.setattr(writing.os, "replace", renamed)
    write_text(tmp_path / "a", "text")
    assert done == ["file", "rename", "folder"]


def test_a_killed_writer_leaves_the_old_file_and_a_draft_that_the_next_one_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("old")
    program = (
        "import os, sys\nfrom penchant.writing import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write(b'x' * 100000)\n    file.flush()\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old" and draft_of(path).stat().st_size == 100_000
    write_text(path, "new")
    assert contents(tmp_path) == {"a.jsonl": "new"}


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with replacing(path) as file:
        file.write(b"first")
        with pytest.raises(OutputError, match="another process writes this file"):
            write_text(path, "second")
    assert contents(tmp_path) == {"a": "first"}


def test_half_of_a_character_names_the_record_and_leaves_no_file(tmp_path: Path) -> None:
    rows = [{"prompt": "good"}, {"prompt": "x", "chosen": "4 \ud800"}]
    with pytest.raises(OutputError, match=r"Record 2 of the comparisons .*U\+D800.*chosen.*4 \\ud800"):
        write_rows(tmp_path / "o.jsonl", rows, "The comparisons")
    assert contents(tmp_path) == {}
    write_rows(tmp_path / "o.jsonl", rows, ascii_only=True)
    assert [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()] == rows


def test_the_mode_of_a_replaced_file_stays_and_a_link_is_followed(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to("a")
    write_text(link, "new")
    assert link.is_symlink() and path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o640
    write_text(link, "own", follow=False)
    assert not link.is_symlink() and path.read_text() == "new"


def test_a_long_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    claim_file(path, option="--out")
    write_text(path, "text")
    assert path.read_text() == "text"


def test_streams_are_passed_on(tmp_path: Path) -> None:
    for path in ("/dev/null", "/dev/stdout", "-"):
        claim_file(path, option="--out", inputs=["-", tmp_path])
        done = subprocess.run(
            [sys.executable, "-c", f"from penchant.writing import write_text; write_text({path!r}, 'text')"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        assert done.stdout == ("" if path == "/dev/null" else "text")
    assert contents(tmp_path) == {}
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    write_text(pipe, "piped")
    assert reader.communicate()[0] == "piped" and pipe.is_fifo()


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(OutputError) as caught:
        claim_file(path, option="--out", **options)
    return str(caught.value)


def test_an_input_is_never_an_output(tmp_path: Path) -> None:
    data = tmp_path / "shards" / "a.jsonl"
    data.parent.mkdir()
    data.write_text("{}")
    hard, soft, chain = tmp_path / "hard", tmp_path / "soft", tmp_path / "chain"
    os.link(data, hard)
    soft.symlink_to(data)
    chain.symlink_to(soft)
    (tmp_path / "linked").symlink_to("shards")
    dotted = tmp_path / "shards" / ".." / "shards" / "a.jsonl"
    inputs = [data, str(data.parent), f"{data.parent}/*.jsonl", [None, 3, data], {"x": str(data)}, f"x={data}", soft]
    for each in inputs:
        for path in (data, hard, soft, chain, dotted, tmp_path / "linked" / "a.jsonl"):
            assert "that this command reads" in refused(path, overwrite=True, inputs=[each])
    assert input_at(tmp_path / "absent", inputs) is None
    claim_file(tmp_path / "shards" / "new.jsonl", option="--out", inputs=inputs)


def test_a_link_to_the_output_in_a_folder_of_data_is_an_input(tmp_path: Path) -> None:
    out, folder = tmp_path / "out.jsonl", tmp_path / "data"
    out.write_text("{}")
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(out)
    assert "that this command reads" in refused(out, overwrite=True, inputs=[folder])


def test_what_exists_is_replaced_only_if_that_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    claim_file(path, option="--out")  # nothing could be lost
    path.write_text("mine")
    assert "The file already exists. Give --overwrite, or another --out." in refused(path)
    claim_file(path, option="--out", overwrite=True)
    image = tmp_path / "cat.png"
    image.write_bytes(b"png")
    assert "images or weights" in refused(image, overwrite=True)


def test_what_cannot_be_written_is_known_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    assert "names a folder" in refused(tmp_path)
    assert "file is no folder" in refused(tmp_path / "file" / "a" / "b")
    assert "cannot be written" in refused(loop) and "cannot be written" in refused(tmp_path / ("n" * 256))
    assert "null byte" in refused(Path("a\0b"))
    assert "there is no folder" in refused(tmp_path / "no" / "a", makes_folder=False)
    claim_file(tmp_path / "no" / "a", option="--out")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "is read-only" in refused(tmp_path / "no" / "a")
    assert "The file is read-only" in refused(tmp_path / "file", overwrite=True)
