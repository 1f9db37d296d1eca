"""``penchant judge``: scores and preferences beside records, and a stopped command that goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.curation.judged import Journal
from small_runs import write_pairs

ROWS = [
    {"prompt": f"what is {number}", "chosen": f"it is {number}", "rejected": "no", "answer": str(number)}
    for number in range(4)
]
BREVITY = """
def brevity(prompt, response):
    with open({log!r}, "a") as log:
        log.write("x")
    return None if response == "no" else -float(len(response))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs.jsonl", ROWS)


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_judge_has_a_column_of_scores_in_the_order_of_the_responses(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "judged.jsonl"
    judges = ["--judge", "verifier,rule=contains", "--judge", "verifier,rule=number"]
    assert main(["judge", str(file), *judges, "-o", str(out)]) == 0
    rows = rows_of(out)
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    assert all(row["scores_verifier"] == [1.0, 0.0] == row["scores_verifier-2"] for row in rows)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == [], "nothing unfinished is left"


def test_preferences_are_tables_and_what_cannot_be_scored_is_null(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(BREVITY.format(log=str(tmp_path / "log")))
    word = ["--judge", "function,path=own.py:brevity"]
    assert main(["judge", str(file), *word, "-o", "a.jsonl"]) == 0
    assert [row["scores_function"] for row in rows_of(tmp_path / "a.jsonl")] == [[-7.0, None]] * 4
    assert main(["judge", str(file), *word, "--compare", "-o", "b.jsonl"]) == 0
    assert rows_of(tmp_path / "b.jsonl")[0]["preferences_function"][0][1] is None  # type: ignore[index]


def test_a_stopped_command_asks_only_what_is_missing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "log"
    (tmp_path / "own.py").write_text(BREVITY.format(log=str(log)))
    line = ["judge", str(file), "--judge", "function,path=own.py:brevity", "-o", "out.jsonl"]
    put = Journal.put

    def put_two(self: Journal, key: str, said: list[object]) -> None:
        put(self, key, said)
        if len(self._known) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "put", put_two)
        assert main(line) == 130
    assert not (tmp_path / "out.jsonl").exists()
    journal = tmp_path / ".out.jsonl.judged.jsonl"
    journal.write_bytes(journal.read_bytes() + b'["half')  # a line that was cut short
    before = len(log.read_text())
    assert main(line) == 0
    assert len(log.read_text()) == 2 * before and not journal.exists()
    assert [row["scores_function"] for row in rows_of(tmp_path / "out.jsonl")] == [[-7.0, None]] * 4


def test_what_judges_nothing_and_an_output_that_is_the_input_are_refused(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "o.jsonl")
    for words, said in (
        (["--judge", "none", "-o", out], "'none' judges nothing"),
        (["--judge", "verifer,rule=exact", "-o", out], "Did you mean 'verifier'"),
        (["--judge", "verifier,rule=exact", "-o", str(file), "--overwrite"], "pairs.jsonl"),
    ):
        assert main(["judge", str(file), *words]) == 1
        assert said in capsys.readouterr().err
    assert rows_of(file) == ROWS
    prompts = write_pairs(tmp_path / "prompts.jsonl", [{"prompt": "hi", "answer": "1"}])
    assert main(["judge", str(prompts), "--judge", "verifier,rule=exact", "-o", out]) == 1
    assert "no responses to judge" in capsys.readouterr().err
