"""``penchant report`` writes the page, shows the figures, and says where the page is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from penchant.cli.report import report
from penchant.errors import DataError


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small run folder: a summary, a few steps, a recipe."""

    def make(name: str, beta: float = 0.1) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        summary = {"objective": "dpo", "before": {"loss": 0.6931}, "after": {"loss": 0.6931 - beta}}
        (folder / "summary.json").write_text(json.dumps(summary))
        (folder / "recipe.yaml").write_text(f"objective: dpo\nbeta: {beta}\n")
        rows = [{"step": step, "split": "train", "loss": 0.7 - 0.01 * step} for step in range(5)]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return make


def call(*arguments: str | Path) -> Result:
    program = typer.Typer()
    program.command()(report)
    return CliRunner().invoke(program, [str(argument) for argument in arguments])


def test_one_run_is_reported_in_its_folder(make_run: Callable[..., Path]) -> None:
    run = make_run("run")
    done = call(run)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == str(run / "report.html")
    assert (run / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "0.693" in done.output and "0.593" in done.output and "−0.100" in done.output


def test_the_same_run_twice_is_one_run(make_run: Callable[..., Path]) -> None:
    run = make_run("run")
    assert call(run, run).output.splitlines()[-1] == str(run / "report.html")


def test_several_runs_are_compared_beside_the_first(make_run: Callable[..., Path], tmp_path: Path) -> None:
    done = call(make_run("one"), make_run("two", beta=0.25))
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == str(tmp_path / "comparison.html")
    assert "0.25" in done.output
    assert "Comparison of 2 runs" in (tmp_path / "comparison.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("names", [("one",), ("one", "two")])
def test_the_output_can_be_chosen(names: tuple[str, ...], make_run: Callable[..., Path], tmp_path: Path) -> None:
    target = tmp_path / "pages" / "page.html"
    done = call(*map(make_run, names), "-o", target)
    assert done.output.splitlines()[-1] == str(target)
    assert target.is_file() and not (tmp_path / "one" / "report.html").exists()


def test_what_is_no_run_is_an_error_that_says_so(tmp_path: Path) -> None:
    done = call(tmp_path)
    assert done.exit_code != 0
    assert isinstance(done.exception, DataError) and "not a run folder" in str(done.exception)
