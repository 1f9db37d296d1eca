"""No command writes over its own input, with ``--overwrite`` neither; over another file only with it; no half files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from penchant.cli.app import main
from small_runs import write_pairs

SOLUTIONS = [{"prompt": f"{number}?", "answer": "4", "responses": ["4", "5"]} for number in range(3)]
CASES = [{"method": "dpo", "case": "a", "inputs": {}}]

#: The words of each command; ``IN`` is what it reads, ``OUT`` what it writes, ``X`` any other input.
COMMANDS = {
    "check": "data check IN --json OUT",
    "check other": "data check X --other IN --json OUT",
    "check model": "data check X --model IN --json OUT",
    "check template": "data check X --model X --chat-template IN --json OUT",
    "verify": "data verify IN --out OUT",
    "score": "score --data IN --model X --out OUT",
    "score model": "score --data X --model IN --out OUT",
    "score reference": "score --data X --model X --reference IN --out OUT",
    "score base": "score --data X --model X --base IN --out OUT",
    "diagnose": "diagnose --data IN --model X --reference X --json OUT",
    "diagnose page": "diagnose --data IN --html OUT",
    "diagnose reference": "diagnose --data X --model X --reference IN --json OUT",
    "diagnose unseen": "diagnose --data X --model X --reference X --unseen IN --json OUT",
    "diagnose shifted": "diagnose --data X --model X --reference X --reward-model X --shifted IN --json OUT",
    "plan": "plan model=X data=IN --json OUT",
    "plan recipe": "plan IN --json OUT",
    "receipts": "receipts X IN --json OUT",
    "convert": "convert IN --out OUT",
    "build degrade": "data build degrade IN --output OUT",
    "build rationale": "data build rationale X --answers IN --output OUT",
    "build sources": "data build sources X --source IN --output OUT",
    "claims": "claims rdpo-flipped-labels --from IN --output FOLDER",
}


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], list[str]]:
    """The words of a command with its files."""
    monkeypatch.chdir(tmp_path)
    other = write_pairs(tmp_path / "x.jsonl")

    def build(command: str, read: str, written: str) -> list[str]:
        named = {"IN": read, "OUT": written, "X": str(other), "FOLDER": str(Path(written).parent)}
        return ["=".join(named.get(part, part) for part in word.split("=")) for word in COMMANDS[command].split()]

    return build


def input_of(command: str, folder: Path) -> Path:
    """An input with the name that the command's output has."""
    name = "claims.json" if command == "claims" else "recipe.yaml" if command == "plan recipe" else "in.jsonl"
    path = folder / "inputs" / name
    path.parent.mkdir()
    if command == "plan recipe":
        path.write_text(f"model: x\ndata: {folder / 'x.jsonl'}\noutput: {folder / 'run'}\n")
    else:
        rows = SOLUTIONS if command == "verify" else None
        write_pairs(path, rows)
    return path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", ["itself", "hard link", "symbolic link"])
def test_a_command_refuses_its_own_input(
    command: str,
    form: str,
    words: Callable[[str, str, str], list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read = input_of(command, tmp_path)
    before, written = read.read_bytes(), tmp_path / "links" / read.name
    written.parent.mkdir()
    if form == "hard link":
        os.link(read, written)
    elif form == "symbolic link":
        written.symlink_to(read)
    else:
        written = read
    for more in ([], ["--overwrite"]):
        assert main([*words(command, str(read), str(written)), *more]) == 1
        assert "names a file that this command reads" in capsys.readouterr().err
    assert read.read_bytes() == before
    assert {each.name for each in written.parent.iterdir()} == {written.name}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_replaces_no_file_without_overwrite(
    command: str,
    words: Callable[[str, str, str], list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read, written = input_of(command, tmp_path), tmp_path / "out" / "claims.json"
    written = written if command == "claims" else written.with_name("o.jsonl")
    written.parent.mkdir()
    written.write_text("precious")
    assert main(words(command, str(read), str(written))) == 1
    assert "The file already exists. Give --overwrite" in capsys.readouterr().err
    assert written.read_text() == "precious" and len(list(written.parent.iterdir())) == 1


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "claims"])
def test_a_place_where_nothing_can_be_written_is_known_at_the_start(
    command: str,
    words: Callable[[str, str, str], list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read = input_of(command, tmp_path)
    folder = tmp_path / "folder.jsonl"
    folder.mkdir()
    assert main(words(command, str(read), str(folder))) == 1
    assert "names a folder" in capsys.readouterr().err
    assert main(words(command, str(read), str(read / "o.jsonl"))) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_overwrite_replaces_and_shards_and_patterns_are_inputs(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    for name in ("a", "b"):
        write_pairs(shards / f"{name}.jsonl")
    before = (shards / "b.jsonl").read_bytes()
    for data in (str(shards), f"{shards}/*.jsonl"):
        assert main(["data", "check", data, "--json", str(shards / "b.jsonl"), "--overwrite"]) == 1
    assert (shards / "b.jsonl").read_bytes() == before
    out = tmp_path / "out.json"
    out.write_text("old")
    assert main(["data", "check", str(shards / "a.jsonl"), "--json", str(out), "--overwrite"]) == 0
    assert json.loads(out.read_text())["checks"]


def test_half_of_a_character_is_named_and_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "p.jsonl", tmp_path / "o.jsonl"
    source.write_text(json.dumps({"prompt": "x", "answer": "4", "responses": ["4 \ud800", "5"]}) + "\n")
    assert main(["data", "verify", str(source), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert "urrogate" in said and "unexpected" not in said
    assert [each.name for each in tmp_path.iterdir()] == ["p.jsonl"]


def test_devices_are_written(tmp_path: Path) -> None:
    source = write_pairs(tmp_path / "p.jsonl", SOLUTIONS)
    for out in ("/dev/null", "/dev/stdout"):
        assert main(["data", "verify", str(source), "--out", out]) == 0
    assert main(["data", "check", str(write_pairs(tmp_path / "a.jsonl")), "--json", "/dev/null"]) == 0
