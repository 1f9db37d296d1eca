"""`penchant chat` reads messages from a pipe and answers them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from penchant.cli.app import main
from small_runs import model_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("run") / "model")


def talk(words: list[str], text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return main(["chat", *words, "--max-new-tokens", "4", "--temperature", "0"])


def test_messages_from_a_pipe_are_answered_until_quit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "which colour is the car\n\n/reset\nwhich colour is the car\n/quit\nis the hat red\n"
    assert talk([str(folder.parent), "--no-stream", "--system", "red"], lines, monkeypatch) == 0, "a run's folder"
    out, err = capsys.readouterr()
    answers = out.splitlines()
    assert len(answers) == 2 and answers[0] == answers[1]
    assert "has no chat template" in err and "the system message is ignored" in err
    assert talk([str(folder)], lines, monkeypatch) == 0
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [line.strip() for line in answers]


def test_two_models_answer_side_by_side(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = model_folder(tmp_path / "other", "gpt2")
    assert talk([str(folder), "--against", str(other), "--no-stream"], "the car\n", monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"[{folder}]" and lines[2] == f"[{other}]" and len(lines) == 4
    assert talk([str(folder), "--against", str(folder)], "the car\n", monkeypatch) == 1
    assert "Both models are the same" in capsys.readouterr().err
