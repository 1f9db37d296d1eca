"""`penchant generate` answers the prompts of a file with every part that it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.feedback import read
from penchant.feedback.records import Prompt, Ranking
from penchant.inference.answers import _Kept
from small_judges import JUDGES, reds
from small_runs import model_folder

ROWS = [
    {"prompt": text, "id": place} for place, text in enumerate(["which colour is the car", "the", "is the hat red"])
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def generate(model: Path, prompts: Path, *words: str, out: str = "out.jsonl") -> tuple[int, list[dict[str, Any]]]:
    path = prompts.with_name(out)
    code = main(["generate", str(model), "--data", str(prompts), "-o", str(path), "--max-new-tokens", "5", *words])
    rows = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return code, list(map(json.loads, rows))


def test_each_prompt_gets_a_row(folder: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = generate(folder.parent, prompts, "--temperature", "0")
    assert code == 0 and [row["prompt"] for row in rows] == [row["prompt"] for row in ROWS]
    assert [row["id"] for row in rows] == [0, 1, 2] and all(isinstance(row["response"], str) for row in rows)
    assert "3 rows written" in capsys.readouterr().out
    assert len(generate(folder, prompts, "-n", "2", "--limit", "1", out="two.jsonl")[1][0]["samples"]) == 2


@pytest.mark.parametrize("judge", [["function", f"judge.path={JUDGES}:reds"], [f"function,path={JUDGES}:reds"]])
def test_the_best_of_several_samples_is_written_with_all_of_them(folder: Path, prompts: Path, judge: list[str]) -> None:
    code, rows = generate(folder, prompts, "--choice", "best-of-n", "-n", "4", "--judge", *judge)
    assert code == 0
    for row in rows:
        assert row["response"] == row["samples"][row["picked"]] and row["scores"][row["picked"]] == max(row["scores"])


def test_further_fields_stay_without_what_an_earlier_run_wrote(folder: Path, prompts: Path) -> None:
    more: dict[str, Any] = {"answer": "4", "direction": [0.6, 0.8], "about": {"level": 2}, "tools": [{"name": "tram"}]}
    earlier = {"samples": ["old", "older"], "finished": [True, True], "scores": [0.1, 0.2], "picked": 1}
    prompts.write_text(json.dumps({"prompt": "the hat", **more, **earlier}) + "\n", encoding="utf-8")
    [read_back] = read(prompts)
    for count in ("1", "2"):
        code, [row] = generate(folder, prompts, "-n", count, out=f"{count}.jsonl")
        assert code == 0 and not {"scores", "picked"} & set(row) and ("samples" in row) == (count == "2")
        [found] = read([row])
        assert found.fields.items() >= {name: more[name] for name in ("answer", "direction", "about")}.items()
        assert found.tools == read_back.tools and found.prompt == read_back.prompt


def test_directions_samples_and_what_is_best_along_them_are_a_chain(folder: Path, prompts: Path) -> None:
    asked, kept = prompts.with_name("asked.jsonl"), prompts.with_name("kept.jsonl")
    build, judge = ["data", "build"], f"function,path={JUDGES}:"
    assert main([*build, "directions", str(prompts), "-o", str(asked), "--as-text", "--per-prompt", "2"]) == 0
    code, rows = generate(folder, asked, "-n", "4", out="samples.jsonl")
    assert code == 0 and [row["original_prompt"] for row in rows] == [row["prompt"] for row in ROWS for _ in "12"]
    words = [str(asked.with_name("samples.jsonl")), "-o", str(kept), "--judge", f"{judge}reds"]
    assert main([*build, "best-along-direction", *words, "--judge", f"{judge}nothing", "--keep", "2"]) == 0
    best = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    for place, row in enumerate(rows):
        ratings = sorted((row["direction"][0] * reds("", text) for text in row["samples"]), reverse=True)
        mine = best[2 * place : 2 * place + 2]
        assert [each["direction"][0] * each["ratings"][0] for each in mine] == ratings[:2]
        assert {each["completion"] for each in mine} <= set(row["samples"]) and mine[0]["id"] == row["id"]
        assert not {"samples", "finished"} & set(mine[0])


def test_scored_samples_are_read_as_rankings(folder: Path, prompts: Path) -> None:
    judge = ["--judge", "function", f"judge.path={JUDGES}:reds"]
    assert generate(folder, prompts, "--choice", "best-of-n", "-n", "3", *judge)[0] == 0
    # A random model says nothing now and then, which is no response to learn from.
    chosen = read(prompts.with_name("out.jsonl"), mapping={"completions": "samples"}, on_bad="skip")
    assert generate(folder, prompts, "-n", "3", out="plain.jsonl")[0] == 0
    words = ["--judge", f"function,path={JUDGES}:reds,as=red", "--fields", "red"]
    judged = prompts.with_name("judged.jsonl")
    assert main(["judge", str(prompts.with_name("plain.jsonl")), *words, "-o", str(judged)]) == 0
    for found in (chosen, read(judged, on_bad="skip")):
        assert found.kind == "ranking" and len(found) > 0
        for record in found:
            assert isinstance(record, Ranking) and record.scores is not None
            assert list(record.scores) == pytest.approx([reds("", str(text)) for text in record.completions])


def test_parts_combine(folder: Path, prompts: Path) -> None:
    other = model_folder(prompts.parent / "other", "llama")
    words = ["--engine", "eft", f"engine.tuned=[{other}]", "engine.reference=policy", "--prompting", "conjugate"]
    judges = [f"judges=[{{name: function, path: '{JUDGES}:reds'}}, {{name: function, path: '{JUDGES}:strict'}}]"]
    words += ["prompting.transform=identity", "--choice", "best-of-n", "choice.ensemble=worst", "-n", "2", *judges]
    code, rows = generate(folder, prompts, *words)
    assert code == 0 and len(rows) == 3 and all(len(row["samples"]) == 2 for row in rows)
    one, [plain, *_] = generate(folder, prompts, "--temperature", "0", out="plain.jsonl")
    words = ["--engine", "realignment", f"engine.reference={folder}", "engine.strength=3.0", "--temperature", "0"]
    assert generate(folder, prompts, *words, out="same.jsonl")[1][0] == plain and one == 0, "the model against itself"


def test_samples_that_no_judge_can_score_are_counted(
    folder: Path, prompts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (prompts.parent / "own.py").write_text("def nothing(prompt, response):\n    return None\n")
    words = ["--choice", "best-of-n", "-n", "2", "--judge", "function", f"judge.path={prompts.parent}/own.py:nothing"]
    code, rows = generate(folder, prompts, *words)
    assert code == 0 and all(row["picked"] == 0 and row["scores"] == [None, None] for row in rows)
    assert "3 prompts have no sample that the judge can score" in capsys.readouterr().err


def test_a_stopped_run_goes_on(folder: Path, prompts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.generation.transformers_engine import TransformersEngine

    words = ["engine.batch_size=1", "--temperature", "1"]
    whole = generate(folder, prompts, *words, out="whole.jsonl")[1]
    sample, asked = TransformersEngine.sample, []

    def failing(self: Any, given: Any, *rest: Any, **more: Any) -> Any:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.extend(given)
        return sample(self, given, *rest, **more)

    monkeypatch.setattr(TransformersEngine, "sample", failing)
    assert generate(folder, prompts, *words)[0] == 130
    kept = prompts.with_name(".out.jsonl.unfinished.jsonl")
    kept.write_text(kept.read_text(encoding="utf-8") + '{"prompt": "half', encoding="utf-8")
    monkeypatch.setattr(TransformersEngine, "sample", lambda *a, **k: (asked.append(a[1]), sample(*a, **k))[1])
    asked.clear()
    assert generate(folder, prompts, *words)[1] == whole
    assert len(asked) == 1 and not kept.exists()


def test_what_is_kept_of_a_run_with_other_fields_is_not_used(tmp_path: Path) -> None:
    keep, seen = tmp_path / "kept.jsonl", []
    for level in (1, 2, 2):
        kept = _Kept(keep, [Prompt(prompt="the hat", fields={"level": level})], "settings")
        seen.append(list(kept.rows))
        kept.add([{"prompt": "the hat", "level": level}])
    assert seen == [[], [], [{"prompt": "the hat", "level": 2}]]


def test_what_does_not_fit_is_said(folder: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--choice", "best-of-n", "-n", "4"], "best-of-n needs a judge"),
        (["--judge", "none"], "no choice that asks it"),
        (["-n", "4", "--temperature", "0"], "where all are the same"),
        (["engin.tuned=3"], "Did you mean 'engine'"),
        (["choice.rule=soft"], "Name it: --choice"),
        (["--engine", "eft", f"engine.tuned=[{folder}]"], "tuned from is not known"),
        (["--engine", "eff"], "Did you mean 'eft'"),
    ):
        assert generate(folder, prompts, *words) == (1, [])
        assert said in capsys.readouterr().err.replace("\n", " ")


def test_token_shifts_are_shown_and_written(folder: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, figures = model_folder(prompts.parent / "gpt", "gpt2"), prompts.with_name("shifts.json")
    words = ["--data", str(prompts), "--max-new-tokens", "4", "--json", str(figures)]
    assert main(["token-shift", str(folder), "--base", str(other), *words]) == 0
    assert "By position" in capsys.readouterr().out
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert sum(found["shares"].values()) == pytest.approx(1.0) and found["by_position"][0]["tokens"] == 3
    assert main(["token-shift", str(folder), "--base", str(folder), *words, "--overwrite"]) == 0
    assert json.loads(figures.read_text(encoding="utf-8"))["shares"]["unshifted"] == 1.0


def test_prompts_that_lose_their_beginning_are_counted(
    folder: Path, prompts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = generate(folder, prompts, "--prompting", "urial", "--temperature", "0")
    assert code == 0 and len(rows) == 3
    assert "3 of 3 prompts are longer" in capsys.readouterr().err


def test_with_answers_the_ways_to_choose_are_compared(
    folder: Path, prompts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt": "2 + 2 =", "answer": "4"}, {"prompt": "3 + 3 =", "answer": "6"}]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    judge = ["--judge", "function", f"judge.path={JUDGES}:nothing"]
    code, found = generate(folder, prompts, "--choice", "solution-rerank", "-n", "3", *judge)
    assert code == 0 and all(row["response"] is None and row["unreadable"] == 3 for row in found)
    out = capsys.readouterr().out
    assert "pass@N" in out and "100.0%" not in out
