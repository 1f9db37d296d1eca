"""``penchant data build``: what a person gets of every builder, and what is refused before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.feedback import read
from small_runs import model_folder, pairs, write_pairs

SCORED = pairs(6, chosen_score=[9, 8, 7, 6, 5, 5], rejected_score=[1, 2, 3, 4, 5, 6])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs.jsonl", SCORED)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "options", "count", "fields"),
    [
        ("reward-augmented", ["--place", "user", "--originals", "0.5"], 10, {"goal"}),
        ("prompts", ["--constraints", "1"], 6, {"matching_prompt", "altered_prompt", "extended_prompt"}),
        ("degrade", ["--levels", "3", "--extractor", "rake"], 6, {"chosen_degraded", "rejected_degraded"}),
    ],
)
def test_rows_are_written_counted_and_read_back(
    name: str, options: list[str], count: int, fields: set[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = file.parent / "new" / "built.jsonl"
    assert main(["data", "build", name, str(file), "--output", str(output), *options]) == 0
    rows, said = rows_of(output), capsys.readouterr().out
    assert len(rows) == count == len(read(output)) and fields <= set(rows[0])
    assert "records read" in said and f"{count} rows written to {output}" in said
    assert [each.name for each in output.parent.iterdir()] == ["built.jsonl"]


def test_rationales_are_asked_for_and_come_back(file: Path, tmp_path: Path) -> None:
    asked, answers, built = (tmp_path / name for name in ("asked.jsonl", "answers.jsonl", "built.jsonl"))
    assert main(["data", "build", "rationale", str(file), "-o", str(asked), "--ask", "specific", "--shuffle"]) == 0
    assert read(asked).kind == "prompt"
    replies = [{**row, "completion": f"because {row['record']}"} for row in rows_of(asked)]
    write_pairs(answers, replies[::-1])
    line = ["data", "build", "rationale", str(file), "-o", str(built), "--answers", str(answers)]
    assert main([*line, "--column", "completion"]) == 0
    assert [row["rationale"] for row in rows_of(built)] == [f"because {at}" for at in range(1, 7)]
    # A rationale that names "Assistant 1" is learned under the order in which it was written.
    assert [row["rationale_first"] for row in rows_of(built)] == [row["rationale_first"] for row in rows_of(asked)]


def test_rejection_sampling_reads_rankings(tmp_path: Path) -> None:
    ranking = {"prompt": "which colour", "completions": ["red", "blue", "grey"], "scores": [3.0, 2.0, 1.0]}
    file, output = write_pairs(tmp_path / "ranked.jsonl", [ranking] * 2), tmp_path / "built.jsonl"
    line = ["data", "build", "rso", str(file), "-o", str(output), "--keep", "3", "--pairing", "tournament"]
    assert main(line) == 0
    assert len(rows_of(output)) == 4 and all(row["chosen_score"] > row["rejected_score"] for row in rows_of(output))


def test_sources_are_scored_and_nothing_unfinished_is_left(file: Path, tmp_path: Path) -> None:
    folder, output = model_folder(tmp_path / "model"), tmp_path / "out" / "built.jsonl"
    line = ["data", "build", "sources", str(file), "-o", str(output), "--source", str(folder), "--initial", str(folder)]
    assert main(line) == 0
    assert all(row["chosen_sources"] == [row["chosen_initial"]] for row in rows_of(output))
    assert [each.name for each in output.parent.iterdir()] == ["built.jsonl"]


def test_an_existing_file_is_kept_unless_it_may_be_replaced(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = file.parent / "built.jsonl"
    output.write_text("mine")
    line = ["data", "build", "degrade", str(file), "-o", str(output)]
    assert main(line) == 1
    assert output.read_text() == "mine" and "There is a file already. Give --overwrite" in capsys.readouterr().err
    assert main([*line, "--overwrite"]) == 0
    assert len(rows_of(output)) == 6


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["degrade", "FILE", "-o", "built.csv"], "Give a name that ends with .jsonl"),
        (["degrade", "FILE", "-o", "OUT", "--rate", "2"], "rate is 2"),
        (["reward-augmented", "FILE", "-o", "OUT", "--template", "absent.txt"], "The template cannot be read"),
        (["rationale", "FILE", "-o", "OUT"], "No row has a rationale in the column 'rationale'"),
        (["rationale", "FILE", "-o", "OUT", "--answers", "absent.jsonl"], "absent.jsonl: There is no such file"),
        (["rso", "FILE", "-o", "OUT"], "rso needs rankings with scores"),
        (["degrade", "absent.jsonl", "-o", "OUT"], "There is no such file"),
        (["sources", "FILE", "-o", "OUT", "--source", "FOLDER"], "FOLDER"),
        (["degarde", "FILE", "-o", "OUT"], "Did you mean 'degrade'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    arguments: list[str], phrase: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(file.parent)
    named = {"FILE": str(file), "OUT": f"{folder}/built.jsonl", "FOLDER": folder}
    assert main(["data", "build", *(named.get(word, word) for word in arguments)]) == 1
    assert named.get(phrase, phrase) in capsys.readouterr().err
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_skipped_records_are_counted(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with file.open("a") as more:
        more.write("no json\n")
    output = file.parent / "built.jsonl"
    assert main(["data", "build", "degrade", str(file), "-o", str(output), "--on-bad", "skip"]) == 0
    assert "bad records skipped" in capsys.readouterr().out and len(rows_of(output)) == 6
