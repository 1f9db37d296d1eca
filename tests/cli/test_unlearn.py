"""``penchant unlearn``: from the command line, and what it refuses at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.cli.app import main
from small_runs import model_folder, pairs, write_pairs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


def facts(path: Path, start: int) -> str:
    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs()[start : start + 3]]
    return str(write_pairs(path, rows))


def test_a_model_unlearns_and_is_measured_again(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forget, retain = facts(tmp_path / "f.jsonl", 0), facts(tmp_path / "r.jsonl", 3)
    sets = ["--forget", forget, "--retain", retain, "--relearn-steps", "0"]
    out = tmp_path / "run"
    keys = ["max_steps=2", "batch_size=2", "samples=0", "device=cpu", "objective.beta=0.2"]
    assert main(["unlearn", "--model", str(model), *sets, "--out", str(out), "--retrained", str(model), *keys]) == 0
    told = capsys.readouterr()
    assert "forget: extraction strength" in told.out and "npo-retain" in told.err and "Before training" in told.err
    assert (out / "unlearning.html").exists()
    again = ["unlearn", "--evaluate", "--model", str(out / "model"), *sets, "--out", str(tmp_path / "again")]
    assert main(again) == 0
    assert (tmp_path / "again" / "unlearning.json").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "m"], "There is no forget set"),
        (["--evaluate", "--model", "m"], "--evaluate needs --model and --forget"),
        (["--model", "m", "--forget", "f", "--before", "b"], "--before is given without --evaluate"),
        (["--model", "m", "--forget", "f", "--kept", "a.jsonl"], "--kept a.jsonl has no name"),
        (["--model", "m", "--forget", "f", "--method", "dpo"], "'dpo' forgets nothing"),
        (["--model", "m", "--forget", "f", "--method", "rmu"], "needs records to keep"),
    ],
)
def test_what_cannot_be_is_refused_at_once(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unlearn", *words]) == 1
    assert told in capsys.readouterr().err
