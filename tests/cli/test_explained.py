"""Pages of judges and of metrics: each has one, with formula, range, direction and reading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from penchant.cli.app import app, main
from penchant.cli.explained.pages import judge_page, judges, metric_page, metrics, metrics_overview
from penchant.errors import ConfigurationError
from penchant.evaluation.explained.metric import METRICS, metric_of
from penchant.evaluation.explained.tables import GROUPS
from penchant.evaluation.judges.classes import class_f1, macro_f1

JUDGES_PAGE = Path(__file__).resolve().parents[2] / "docs" / "judges.md"


def test_every_judge_says_what_its_score_is_its_range_and_how_to_read_it() -> None:
    assert len(judges()) > 20
    for cls in judges():
        page = judge_page(cls)
        for text in (cls.formula, cls.span, cls.advice):
            assert text and text in page, cls.id
        assert "higher is better" in cls.span, cls.id
        assert all(f"| `{each.name}` |" in page for each in cls.declared_settings())
        assert ">>>" not in page and "``" not in page.replace("```", ""), cls.id


def test_a_page_of_a_judge_keeps_formulas_and_references_and_leaves_out_what_is_for_callers() -> None:
    [page] = [judge_page(cls) for cls in judges() if cls.id == "ensemble"]
    assert "```text\nmean: mean_m z_m." in page and "Reference: Coste et al. (2023)" in page
    assert "Raises" not in page and "Args" not in page
    [page] = [judge_page(cls) for cls in judges() if cls.id == "density_ratio"]
    assert "penchant judge pairs.jsonl --judge density_ratio,strong=…,weak=… -o judged.jsonl" in page


def test_every_judge_stands_in_the_table_of_the_documentation() -> None:
    text = JUDGES_PAGE.read_text(encoding="utf-8")
    assert [cls.id for cls in judges() if f"`{cls.id}`" not in text] == []


def test_every_metric_has_a_page_and_a_row_in_its_group() -> None:
    table = metrics_overview(metrics())
    assert [f"## {title}" in table for title in GROUPS.values()] == [True] * len(GROUPS)
    for each in metrics():
        page = metric_page(each)
        assert all(text in page for text in (each.meaning, each.formula, each.span, each.better, each.reading))
        assert f"[{each.name}]({each.name}.md)" in table


def test_the_commands_that_show_a_metric_exist() -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for each in metrics():
        assert set(re.findall(r"penchant ([a-z-]+)", each.shown)) <= known, each.name


def test_functions_that_give_a_metric_exist() -> None:
    from importlib import import_module

    for each in metrics():
        for path in re.findall(r"penchant(?:\.\w+)+", each.shown):
            module, _, name = path.rpartition(".")
            try:
                import_module(path)
            except ModuleNotFoundError:
                assert hasattr(import_module(module), name), path


def test_a_metric_is_shown_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "metrics", "gini"]) == 0
    assert "Σ_i Σ_j |u_i − u_j| / (2 n² ū)" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match=r"no metric 'ginny'\. Did you mean 'gini'"):
        METRICS.get("ginny")


def test_an_entry_without_a_direction_is_refused() -> None:
    whole = {"meaning": "m", "formula": "f", "span": "s", "better": "up", "reading": "r", "shown": "c"}
    assert metric_of("one", whole, "wins").better == "up"
    with pytest.raises(ConfigurationError, match="wins: one: The metric has no better"):
        metric_of("one", {**whole, "better": " "}, "wins")
    with pytest.raises(ConfigurationError, match="unknown field 'more'"):
        metric_of("one", {**whole, "more": 1}, "wins")


def test_a_class_that_never_occurs_counts_nothing_and_a_rare_one_as_much_as_a_common_one() -> None:
    metrics_of = pytest.importorskip("sklearn.metrics")
    labels = [0] * 8 + [1, 1]  # classes 2 and 3 never occur
    predicted = [0] * 9 + [1]
    assert macro_f1(predicted, labels) == pytest.approx(metrics_of.f1_score(labels, predicted, average="macro"))
    assert set(class_f1(predicted, labels)) == {0, 1}
    assert class_f1([2], [0]) == {0: 0.0, 2: 0.0}
