"""``penchant receipts``: the table, the file, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from penchant.cli.receipts import receipts
from penchant.errors import ConfigurationError, OutputError

app = typer.Typer(rich_markup_mode=None)
app.command()(receipts)


def case(name: str, loss: float | None, method: str = "nll", inputs: Any = None) -> dict[str, Any]:
    given = {"chosen": {"policy": [[-1.0, -3.0]]}} if inputs is None else inputs
    return {"method": method, "case": name, "params": {}, "inputs": given, "expected": {"loss": loss}}


def write(path: Path, *cases: dict[str, Any]) -> str:
    path.write_text(json.dumps(cases))
    return str(path)


def test_all_agree_and_what_is_not_built_is_counted(tmp_path: Path) -> None:
    first = write(tmp_path / "a.json", case("one", 2.0), case("null", None))
    second = write(tmp_path / "b.json", case("far", 1.0, method="no-such-method"))
    out = tmp_path / "out.json"
    done = CliRunner().invoke(app, [first, second, "--json", str(out)])
    assert done.exit_code == 0, done.output
    for told in (
        "nll",
        "one",
        "exact",
        "no-such-method",
        "1 of 3 cases agree",
        "1 computed",
        "1 not built yet (1 methods)",
    ):
        assert told in done.output
    assert json.loads(out.read_text()) == [
        {"method": "nll", "case": "one", "got": {"loss": 2.0}},
        {"method": "nll", "case": "null", "got": {"loss": 2.0}},
        {"method": "no-such-method", "case": "far", "got": None, "verdict": "not built yet"},
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (case("off", 3.0), "differs: loss is 2.0, expected 3.0"),
        (case("bad", 2.0, inputs={}), "failed: ConfigurationError"),
    ],
)
def test_one_that_differs_or_fails_gives_exit_code_one(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    done = CliRunner().invoke(app, [write(tmp_path / "a.json", case("one", 2.0), wrong)])
    assert done.exit_code == 1 and told in done.output and "1 of 2 cases agree" in done.output


def test_an_unwritable_file_is_an_output_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, [write(tmp_path / "a.json", case("one", 2.0)), "--json", str(tmp_path / "no" / "x.json")]
    )
    assert isinstance(done.exception, OutputError) and "cannot be written" in str(done.exception)


def test_the_shared_numbers_of_dpo_and_ipo_agree(shared: Path) -> None:
    done = CliRunner().invoke(app, [str(shared / "oracles" / "pairwise.json")])
    assert done.exit_code == 0 and "0 differ, 0 failed" in done.output


def test_the_agreement_is_recorded_only_where_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = tmp_path / "agreement.json"
    stored.write_text("{}")
    monkeypatch.setattr("penchant.receipts.record.AGREEMENT", stored)
    bad = write(tmp_path / "bad.json", case("one", 2.0), case("off", 3.0))
    done = CliRunner().invoke(app, [bad, "--record"])
    assert isinstance(done.exception, ConfigurationError) and "Nothing is recorded" in str(done.exception)
    assert "differs" in done.output and stored.read_text() == "{}"
    good = write(tmp_path / "good.json", case("one", 2.0), case("null", None))
    assert CliRunner().invoke(app, [good, "--record"]).exit_code == 0
    assert json.loads(stored.read_text()) == {"nll": {"good": [1, 1]}}
