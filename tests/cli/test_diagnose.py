"""``penchant diagnose``: pages of data and of runs, what a run's folder says, and what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from families import tiny_model
from penchant.cli.app import main
from penchant.diagnostics.findings import Plan
from penchant.diagnostics.measure import diagnose
from small_runs import model_folder, pairs, word_tokenizer, write_pairs

COUNT = 8


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder: its model, and a recipe that names start, data, columns and β."""
    root = tmp_path_factory.mktemp("diagnosed")
    model_folder(root / "start")
    tiny_model("llama", seed=7).save_pretrained(root / "run" / "model")
    word_tokenizer().save_pretrained(root / "run" / "model")
    write_pairs(root / "pairs.jsonl", pairs(COUNT))
    rows = [{"better": row["chosen"], **{key: row[key] for key in ("prompt", "rejected")}} for row in pairs(COUNT)]
    write_pairs(root / "renamed.jsonl", rows)
    recipe = {
        "model": str(root / "start"),
        "data": str(root / "renamed.jsonl"),
        "mapping": {"chosen": "better"},
        "objective": {"name": "dpo", "beta": 0.7},
    }
    (root / "run" / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return root / "run"


def test_a_run_says_model_reference_data_columns_and_beta(run: Path, tmp_path: Path) -> None:
    assert main(["diagnose", str(run), "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    plan = Plan(beta=0.7)
    plain = diagnose(run / "model", run.parent / "pairs.jsonl", run.parent / "start", plan)
    assert found["figures"] == pytest.approx(plain.figures)


@pytest.mark.parametrize(
    ("keys", "held"),
    [
        ({"split": "train", "eval_split": "test"}, ["test"] * 2),
        ({"split": "train"}, ["train"] * (COUNT - 2)),
        ({"split": "train", "eval_data": "OTHER"}, [None] * COUNT),
    ],
)
def test_a_run_is_diagnosed_on_the_rows_that_it_held_out(
    keys: dict[str, str], held: list[str | None], run: Path, tmp_path: Path
) -> None:
    """Never on training and held-out rows of one file together."""
    folder, data = tmp_path / "run", tmp_path / "pairs.jsonl"
    shutil.copytree(run, folder)
    rows = [{**row, "split": "test" if number < 2 else "train"} for number, row in enumerate(pairs(COUNT))]
    write_pairs(data, rows)
    recipe = yaml.safe_load((run / "recipe.yaml").read_text()) | {"data": str(data), "mapping": {}} | keys
    recipe |= {"eval_data": str(run.parent / "pairs.jsonl")} if "eval_data" in keys else {}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["diagnose", str(folder), "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())["per_pair"]
    assert len(found) == len(held)
    lines = [int(row["source"].rpartition(":")[2]) for row in found]
    assert [rows[line - 1]["split"] for line in lines] == held or held[0] is None


def test_the_rows_of_pairs_average_to_the_figures(run: Path) -> None:
    plan = Plan(beta=0.3)
    found = diagnose(run / "model", run.parent / "pairs.jsonl", run.parent / "start", plan)
    rows = found.per_pair
    assert len(rows) == COUNT and {row["source"] for row in rows} == set(found.texts)
    for name, figure in (("right", "ranking/model"), ("loss", "ranking/loss"), ("flippable", "ranking/flippable")):
        assert sum(row[name] for row in rows) / COUNT == pytest.approx(found.figures[figure])
    # Theorem 4.1: a pair is ranked right exactly where its loss is below its threshold.
    assert all(row["right"] == (row["loss"] < row["threshold"]) for row in rows)
    change = [row["chosen_change"] - row["rejected_change"] for row in rows]
    assert change == pytest.approx([row["policy_margin"] - row["reference_margin"] for row in rows], abs=1e-4)


def test_the_page_of_a_run_holds_figures_pictures_and_pairs(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["diagnose", str(run), "--html", str(page)]) == 0
    shown = page.read_text(encoding="utf-8")
    assert capsys.readouterr().out.splitlines()[-1] == str(page)
    assert shown.startswith("<!doctype html>") and "http" not in shown.split("<main>")[1]
    for title in ("Difficulty of each pair", "Length in the implicit reward", "Named properties", "ranking/model"):
        assert title in shown
    assert shown.count("<svg") >= 5


def test_the_page_of_data_escapes_what_stands_in_it(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"<b>say {number}</b>", "chosen": f"costs $x_1$ <script>alert({number})</script> {'fine ' * number}",
         "rejected": f"no & never {number}"}
        for number in range(1, 40)
    ]  # fmt: skip
    data, page = write_pairs(tmp_path / "rows.jsonl", rows), tmp_path / "page.html"
    assert main(["diagnose", "--data", str(data), "--html", str(page)]) == 0
    shown = page.read_text(encoding="utf-8")
    assert "<script>" not in shown and "<b>say" not in shown
    assert "What predicts the labels" in shown and "What rows.jsonl rewards" in shown


def test_judges_other_data_and_parts_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People take the longer response in one part and the shorter one in the other; the judge always the shorter."""
    rows = []
    for number in range(120):
        long, short = f"one two three four five {number} " + "and so on " * 4, f"no {number}"
        kind = "essay" if number % 2 else "note"
        sides = (long, short) if kind == "essay" else (short, long)
        rows.append({"prompt": f"say {number}", "chosen": sides[0], "rejected": sides[1], "kind": kind})
    data, other = write_pairs(tmp_path / "all.jsonl", rows), write_pairs(tmp_path / "essays.jsonl", rows[1::2])
    (tmp_path / "judges.py").write_text("def brief(prompt, response):\n    return -float(len(response))\n")
    words = ["diagnose", "--data", str(data), "--judge", f"function,path={tmp_path / 'judges.py'}:brief,as=brief"]
    words += [
        "--against",
        str(other),
        "--by",
        "kind",
        "--html",
        str(tmp_path / "p.html"),
        "--json",
        str(tmp_path / "f"),
    ]
    assert main(words) == 0
    found = json.loads((tmp_path / "f").read_text())["agents"]
    assert list(found["rewarded"]) == ["data", "brief", "essays.jsonl", "kind note", "kind essay"]
    tau = {
        name: next(row["tau"] for row in each["properties"] if row["property"] == "lengthy")
        for name, each in found["rewarded"].items()
    }
    assert tau == {"data": 0.0, "brief": -1.0, "essays.jsonl": 1.0, "kind essay": 1.0, "kind note": -1.0}
    alike = {(row["first"], row["second"]): row["pearson"] for row in found["similarities"]}
    assert len(alike) == 10
    assert alike["essays.jsonl", "kind essay"] == pytest.approx(1.0) and alike["brief", "kind note"] > 0.9
    assert alike["brief", "kind essay"] < -0.9
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "Who rewards what" in page and "kind note, kind essay" in page
    capsys.readouterr()
    assert main([*words[:3], "--by", "knd"]) == 1
    assert "Did you mean 'kind'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ([], "There is nothing to diagnose"),
        (["--data", "x", "--model", "m"], "--model is given without --reference"),
        (["RUN", "--model", "m"], "A run and --model are given"),
        (["EMPTY"], "has no recipe.yaml"),
        (["SEVERAL"], "does not name one file of data"),
        (["--data", "x", "--embedder", "tfidf"], "There is no embedder 'tfidf'"),
        (["RUN", "--by", "annotator"], "compare what data reward, and a model is diagnosed"),
    ],
)
def test_what_is_missing_is_named(
    words: list[str], phrase: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"RUN": run, "EMPTY": tmp_path / "empty", "SEVERAL": tmp_path / "several"}
    places["EMPTY"].mkdir()
    shutil.copytree(run, places["SEVERAL"])
    recipe = yaml.safe_load((run / "recipe.yaml").read_text()) | {"data": {"one": "a.jsonl", "two": "b.jsonl"}}
    (places["SEVERAL"] / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["diagnose", *(str(places.get(each, each)) for each in words)]) == 1
    assert phrase in " ".join(capsys.readouterr().err.split())
