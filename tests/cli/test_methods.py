"""``penchant methods``: the list and the pages."""

from __future__ import annotations

import os

import typer
from typer.testing import CliRunner

from penchant.cli.listing import show_thing
from penchant.cli.methods import app
from penchant.errors import ConfigurationError
from penchant.lab.claims.record import verdicts
from penchant.objectives import names
from penchant.receipts import agreement

listing = typer.Typer()
listing.command()(show_thing)
WIDE = {"COLUMNS": "200", "TERM": "dumb"}


def test_every_method_is_listed_with_paper_and_family() -> None:
    done = CliRunner().invoke(app, [], env=os.environ | WIDE)
    assert done.exit_code == 0, done.output
    for told in (*names(), "DPO", "pairwise", "arXiv:2305.18290", "Direct Preference Optimization"):
        assert told in done.output


def test_one_family_alone() -> None:
    done = CliRunner().invoke(app, ["--family", "reference-free"], env=os.environ | WIDE)
    assert "nll" in done.output and "arXiv:2305.18290" not in done.output
    wrong = CliRunner().invoke(app, ["--family", "listwize"])
    assert isinstance(wrong.exception, ConfigurationError) and "Did you mean 'listwise'" in str(wrong.exception)


def test_one_tag_alone_across_families() -> None:
    done = CliRunner().invoke(app, ["--tag", "robust"], env=os.environ | WIDE)
    assert {"rdpo", "power", "gmpo"} <= set(done.output.split()) and "arXiv:2305.18290" not in done.output
    both = CliRunner().invoke(app, ["--tag", "robust", "--family", "pairwise"], env=os.environ | WIDE)
    assert "rdpo" in both.output.split() and "power" not in both.output.split()
    wrong = CliRunner().invoke(app, ["--tag", "robbust"])
    assert isinstance(wrong.exception, ConfigurationError) and "Did you mean 'robust'" in str(wrong.exception)
    none = CliRunner().invoke(app, ["--tag", "robust", "--family", "listwise"])
    assert "The family 'listwise' has no method with the tag 'robust'" in str(none.exception)


def test_the_list_says_how_each_method_is_known_to_be_right_and_its_other_names() -> None:
    done = CliRunner().invoke(app, [], env=os.environ | {**WIDE, "COLUMNS": "400"})
    [dpo] = [line for line in done.output.splitlines() if line.split()[:1] == ["dpo"]]
    agree, every = agreement("dpo")
    assert (
        agree == every
        and f"official code ({agree} cases agree)" in dpo
        and "Also called infonca, rso-sigmoid-norm, dno-prct." in dpo
    )
    [mapl] = [line for line in done.output.splitlines() if line.split()[:1] == ["mapl"]]
    assert "reconstruction" in mapl and "instructions" in mapl


def test_the_list_is_readable_in_a_narrow_terminal() -> None:
    done = CliRunner().invoke(app, [], env=os.environ | {**WIDE, "COLUMNS": "80"})
    assert "…" not in done.output and max(map(len, done.output.splitlines())) <= 80
    assert {name for name in names() if f"  {name} " in done.output} == set(names())
    assert "Direct Preference" in done.output and len(done.output.splitlines()) < 9 * len(names())


def test_a_page_is_found_by_an_alias_and_says_whose_it_is() -> None:
    done = CliRunner().invoke(app, ["show", "infonca"])
    assert done.output.startswith("`infonca` is another name of `dpo`.") and "# `dpo`" in done.output


def test_a_page_shows_formula_paper_fields_and_data() -> None:
    done = CliRunner().invoke(app, ["show", "dpo"])
    assert done.exit_code == 0, done.output
    for told in ("−log σ(β", "arXiv:2305.18290", "`beta`", "> 0", "view `chosen`", "reference model: yes"):
        assert told in done.output


def test_a_page_has_the_cases_that_agree_and_the_verdict_of_every_claim() -> None:
    done = CliRunner().invoke(app, ["show", "rdpo"])
    agree, every = agreement("rdpo")
    assert f"- Published cases: {agree} of {every} agree\n" in done.output
    assert len(verdicts("rdpo")) > 1
    for claim, verdict in verdicts("rdpo").items():
        assert f"- `{claim}`: {verdict}\n" in done.output
    same = CliRunner().invoke(listing, ["methods", "rdpo"])
    assert same.output == done.output, "`penchant show methods ID` prints the same page"


def test_a_page_without_published_cases_and_claims_does_not_speak_of_them() -> None:
    done = CliRunner().invoke(app, ["show", "averaged"])
    assert done.exit_code == 0 and "Published cases" not in done.output and "## Claims" not in done.output


def test_an_unknown_method_names_the_nearest() -> None:
    done = CliRunner().invoke(app, ["show", "dpoo"])
    assert isinstance(done.exception, ConfigurationError) and "Did you mean 'dpo'" in str(done.exception)
