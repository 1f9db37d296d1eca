"""``penchant leaderboard``, ``agreement``, ``win-rate`` and ``evaluate`` on small files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from small_runs import WORDS, model_folder


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_leaderboard_of_votes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"model_a": "x", "model_b": "y", "winner": won} for won in ("model_a", "model_a", "tie", "model_b")]
    out = tmp_path / "board.json"
    assert main(["leaderboard", write(tmp_path / "votes.jsonl", rows), "--anchor", "y=1200", "--json", str(out)]) == 0
    models = json.loads(out.read_text())["models"]
    assert [each["model"] for each in models] == ["x", "y"] and models[1]["rating"] == pytest.approx(1200)
    assert "2 models, 4 votes" in capsys.readouterr().out


def test_the_page_of_a_leaderboard_has_table_chart_and_notes_and_escapes_names(tmp_path: Path) -> None:
    rows = [{"model_a": "<b>x", "model_b": "y", "winner": won} for won in ("model_a", "model_b", "tie")]
    page = tmp_path / "board.html"
    votes = write(tmp_path / "votes.jsonl", [*rows, {"model_a": "y", "model_b": "new", "winner": "tie"}])
    assert main(["leaderboard", votes, "--html", str(page)]) == 0
    shown = page.read_text(encoding="utf-8")
    assert "3 models, 4 votes" in shown and "<svg" in shown and "their intervals say nothing: new" in shown
    assert "&lt;b&gt;x" in shown and "<b>x" not in shown


def test_the_agreement_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"item": item, "rater": rater, "value": item % 2} for item in range(6) for rater in "ab"]
    assert main(["agreement", write(tmp_path / "ratings.jsonl", rows)]) == 0
    assert "cohen kappa" in capsys.readouterr().out


def test_macro_f1_of_a_judge_against_the_truth(tmp_path: Path) -> None:
    gold, judge = ["left", "left", "left", "tie"], ["left", "left", "right", "tie"]
    both = {"gold": gold, "judge": judge}
    rows = [{"item": n, "rater": who, "value": own[n]} for who, own in both.items() for n in range(4)]
    file, out = write(tmp_path / "ratings.jsonl", rows), tmp_path / "found.json"
    assert main(["agreement", file, "--truth", "gold", "--json", str(out)]) == 0
    figures = json.loads(out.read_text())["figures"]
    assert figures["accuracy of judge"][0] == 0.75
    assert figures["macro-F1 of judge"][0] == pytest.approx((0.8 + 0 + 1) / 3)
    assert main(["agreement", file, "--truth", "nobody"]) == 1


def test_groups_bargain_over_additions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "plain", "utilities": {"young": 1, "old": 4}},
        {"name": "music", "cost": 1, "utilities": {"young": 2, "old": 0}},
        {"name": "lamps", "cost": 1, "utilities": {"young": 0, "old": 5}},
    ]
    file, out = write(tmp_path / "designs.jsonl", rows), tmp_path / "found.json"
    assert main(["bargain", file, "--budget", "1", "--json", str(out)]) == 0
    told = json.loads(out.read_text())
    assert told["accepted"] == ["young proposes music"] and "young proposes music" in capsys.readouterr().out
    assert told["rules"]["bargaining"]["package"] == ["plain", "music"]
    assert told["rules"]["utilitarian"]["package"] == ["plain", "lamps"]
    assert told["rules"]["bargaining"]["worst"] == 3 and told["rules"]["utilitarian"]["worst"] == 1
    assert told["rules"]["bargaining"]["gini"] == pytest.approx(1 / 14)
    assert main(["bargain", file, "--budget", "0", "--json", str(out), "--overwrite"]) == 0
    assert json.loads(out.read_text())["rules"]["nash"]["package"] == ["plain"]
    write(tmp_path / "designs.jsonl", [*rows, {"name": "x", "utilities": {"young": 1}}])
    assert main(["bargain", file, "--budget", "1"]) == 1
    assert "designs.jsonl:4" in capsys.readouterr().err


def test_win_rates_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"win": 0.75, "model": name} for name in ("x", "y") for _ in range(4)]
    assert main(["win-rate", write(tmp_path / "wins.jsonl", rows)]) == 0
    assert "75.0" in capsys.readouterr().out


def test_one_row_without_lengths_says_why_there_is_no_length_controlled_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "one.jsonl", [{"win": 0.7, "model": "m"}])
    assert main(["win-rate", data]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 model against" in shown and "No length-controlled rate of m: it needs chars" in shown
    assert main(["win-rate", data, "--no-length-control"]) == 0
    assert "No length-controlled" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["judge", "DATA", "--judge", "runs/nowhere", "-o", "o.jsonl"], "There is no folder 'runs/nowhere'"),
        (["judge", "DATA", "--judge", "implicit,model=runs/nowhere", "-o", "o.jsonl"], "There is no such folder"),
        (["evaluate", "runs/nowhere", "--data", "DATA", "--judge", "verifier"], "There is no such folder"),
        (["novelty", "runs/nowhere"], "There is no such folder"),
    ],
)
def test_a_folder_that_is_not_there_is_named_as_such(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = write(tmp_path / "pairs.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    assert main([data if word == "DATA" else word for word in words]) == 1
    assert message in capsys.readouterr().err


def test_a_checkpoint_without_a_reference_is_a_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    data = write(tmp_path / "prompts.jsonl", [{"prompt": "a"}])
    assert main(["evaluate", str(folder), "--data", data, "--judge", "verifier"]) == 1
    assert "--reference MODEL" in capsys.readouterr().err


def test_prefeval_measures_choices_without_a_judge(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("small_runs.WORDS", [*WORDS[:-4], *"ABCD"])
    model = str(model_folder(tmp_path / "model"))
    out = tmp_path / "points.json"
    options = {"options": ["one", "two", "three", "four"], "right": "two"}
    rows = [{"preference": "b", "question": f"q {number}", **options} for number in range(3)]
    data = write(tmp_path / "tasks.jsonl", rows)
    page = tmp_path / "curve.html"
    command = ["prefeval", model, "--data", data, "--turns", "0", "--turns", "24", "--json", str(out)]
    assert main([*command, "--html", str(page)]) == 0
    shown = page.read_text(encoding="utf-8")
    assert (
        "higher is better" in shown
        and "Choice among four options" in shown
        and "exchanges between preference and question" in shown
    )
    short, long = json.loads(out.read_text())
    assert short["turns"] == 0 and short["measured"] + short["too_long"] == 3
    assert long["turns"] == 24 and "choice task, 3 tasks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--judge", "verifier,rule=exact"], "yes/no questions"),
        (["--method", "prayer"], "There is no method 'prayer'"),
        (["--turns", "99"], "--distractors"),
        (["--turns", "0", "--turns", "99"], "99 turns are asked for"),
    ],
)
def test_prefeval_says_what_cannot_be(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(model_folder(tmp_path / "model"))
    assert main(["prefeval", model, *words]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Nothing is to be measured"),
        (["--data", "prompts.jsonl"], "--data is given without --judge"),
        (["--judge", "verifier"], "--judge is given without --data"),
        (["--tasks", "arc_easy", "--html", "page.html"], "The page shows what a judge says"),
    ],
)
def test_an_evaluation_of_nothing_is_refused(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "some/model", *words]) == 1
    assert message in capsys.readouterr().err


def test_standard_tasks_without_the_harness_name_the_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    assert main(["evaluate", "some/model", "--tasks", "arc_easy"]) == 1
    assert "pip install 'penchant[lm-eval]'" in capsys.readouterr().err
