"""Comparing runs: what differs, what came out, nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from penchant.errors import DataError
from penchant.evaluation.report import compare_runs, comparison_table

MakeRun = Callable[..., Path]


@pytest.fixture
def runs(make_run: MakeRun) -> list[Path]:
    return [
        make_run("first", steps=50),
        make_run("second", steps=50, seed=1, beta=0.3),
        make_run("third", steps=50, seed=2, beta=0.3, learning_rate="0.000005"),
    ]


def headers(runs: list[Path]) -> list[str]:
    return [str(column.header).partition("\n")[0] for column in comparison_table(runs).columns]


def cells(runs: list[Path], header: str) -> list[str]:
    columns = {str(column.header).partition("\n")[0]: column for column in comparison_table(runs).columns}
    return [str(cell) for cell in columns[header].cells]


def test_only_settings_that_differ_are_columns(runs: list[Path]) -> None:
    # The learning rates 5e-6 (text, to YAML) and 0.000005 are the same number; the output folders are no setting.
    assert headers(runs)[:4] == ["run", "objective", "beta", "True reward"]
    assert cells(runs, "beta") == ["0.1", "0.3", "0.3"]


def test_runs_of_one_recipe_differ_in_nothing(make_run: MakeRun) -> None:
    pair = [make_run("a", steps=50), make_run("b", steps=50, seed=5)]
    assert headers(pair)[:3] == ["run", "objective", "True reward"]


def test_a_setting_that_one_run_lacks_differs(runs: list[Path]) -> None:
    recipe = runs[0] / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("  batch_size: 16\n", ""))
    assert cells(runs, "batch size") == ["–", "16", "16"]


def test_settings_of_the_same_last_name_are_told_apart(make_run: MakeRun) -> None:
    pair = [make_run("a", steps=50), make_run("b", steps=50, beta=0.2)]
    for run, beta in zip(pair, (1, 2), strict=True):
        (run / "recipe.yaml").write_text((run / "recipe.yaml").read_text() + f"optimizer:\n  beta: {beta}\n")
    assert {"objective.beta", "optimizer.beta"} <= set(headers(pair))


def test_outcomes_are_those_of_the_runs(runs: list[Path]) -> None:
    for run, shown in zip(runs, cells(runs, "KL from the reference"), strict=True):
        summary = json.loads((run / "summary.json").read_text())
        before, after = (float(part) for part in shown.split(" → "))
        assert before == pytest.approx(summary["before"]["kl"], abs=0.005)
        assert after == pytest.approx(summary["after"]["kl"], abs=0.005)


def test_the_page_has_every_run_its_curves_and_no_outside_reference(runs: list[Path], tmp_path: Path) -> None:
    text = compare_runs(runs, tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert all(run.name in text for run in runs)
    assert not re.search(r"""(src|href)=["'](?!#)""", text) and not re.search(r"url\(['\"]?(?!#)", text)
    loss = next(chart for chart in re.findall(r"<figure.*?</figure>", text, flags=re.DOTALL) if "<b>Loss</b>" in chart)
    assert {"var(--run0)", "var(--run1)", "var(--run2)"} <= set(re.findall(r"var\(--\w+\)", loss))
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))


def test_names_are_escaped_and_told_apart(make_run: MakeRun, tmp_path: Path) -> None:
    pair = [make_run("<b>x</b>/same", steps=50), make_run("y/same", steps=50)]
    assert cells(pair, "run") == ["b>/same", "y/same"]
    (pair[0] / "recipe.yaml").write_text("objective: '<b>dpo</b>'\nmodel: '[bold]m'\n")
    summary = json.loads((pair[0] / "summary.json").read_text()) | {"objective": "<b>dpo</b>"}
    (pair[0] / "summary.json").write_text(json.dumps(summary))
    text = compare_runs(pair, tmp_path / "c.html").read_text(encoding="utf-8")
    assert "<b>dpo</b>" not in text and "&lt;b&gt;dpo&lt;/b&gt;" in text
    assert "[bold]m" in cells(pair, "model")


def test_partial_runs_take_part_and_are_named(runs: list[Path], tmp_path: Path) -> None:
    (runs[1] / "summary.json").unlink()
    (runs[1] / "metrics.jsonl").write_text((runs[1] / "metrics.jsonl").read_text()[:-30])
    for name in ("metrics.jsonl", "summary.json"):
        (runs[2] / name).unlink()
    text = compare_runs(runs, tmp_path / "c.html").read_text(encoding="utf-8")
    assert "second: metrics.jsonl ends in the middle of a line" in text
    assert cells(runs, "Reward margin")[2] == "–"
    assert "→" in cells(runs, "Reward margin")[1]


def test_a_run_given_twice_counts_once(runs: list[Path]) -> None:
    assert cells([runs[0], runs[1], runs[0]], "run") == ["first", "second"]


def test_what_is_no_run_is_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no run"):
        compare_runs([], tmp_path / "c.html")
    with pytest.raises(DataError, match="no such folder"):
        comparison_table([runs[0], tmp_path / "absent"])
