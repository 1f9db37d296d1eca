"""``penchant methods``: the list and the pages."""

from __future__ import annotations

import os

from typer.testing import CliRunner

from penchant.cli.methods import app
from penchant.errors import ConfigurationError
from penchant.objectives import names

WIDE = {"COLUMNS": "200", "TERM": "dumb"}


def test_every_method_is_listed_with_paper_and_family() -> None:
    done = CliRunner().invoke(app, [], env=os.environ | WIDE)
    assert done.exit_code == 0, done.output
    for told in (*names(), "DPO", "pairwise", "arXiv:2305.18290", "Direct Preference Optimization"):
        assert told in done.output


def test_one_family_alone() -> None:
    done = CliRunner().invoke(app, ["--family", "supervised"], env=os.environ | WIDE)
    assert "nll" in done.output and "arXiv:2305.18290" not in done.output
    wrong = CliRunner().invoke(app, ["--family", "supervisd"])
    assert isinstance(wrong.exception, ConfigurationError) and "Did you mean 'supervised'" in str(wrong.exception)


def test_a_page_shows_formula_paper_fields_and_data() -> None:
    done = CliRunner().invoke(app, ["show", "dpo"])
    assert done.exit_code == 0, done.output
    for told in ("−log σ(β", "arXiv:2305.18290", "`beta`", "> 0", "view `chosen`", "reference model: yes"):
        assert told in done.output


def test_an_unknown_method_names_the_nearest() -> None:
    done = CliRunner().invoke(app, ["show", "dpoo"])
    assert isinstance(done.exception, ConfigurationError) and "Did you mean 'dpo'" in str(done.exception)
