"""The exit codes of the command line and what stands on the error stream."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import typer

import penchant
from penchant.cli import app as cli
from penchant.errors import DataError


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run ``penchant`` with one more command, ``act --count N``, whose body a test may choose."""

    def run_with(*arguments: str, body: Callable[[], object] = lambda: None) -> tuple[int, str, str]:
        application = typer.Typer(rich_markup_mode=None)
        application.registered_callback = cli.app.registered_callback
        application.registered_groups = cli.app.registered_groups

        @application.command()
        def act(count: int = 1) -> object:
            return body()

        monkeypatch.setattr(cli, "app", application)
        code = cli.main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_with


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


def test_alone_it_prints_help_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    for command in ("quickstart", "train", "score", "report", "receipts", "data", "methods"):
        assert f"\n  {command} " in shown


def test_help_of_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("quickstart", "train", "score", "report", "receipts", "data", "methods"):
        assert cli.main([command, "--help"]) == 0
        usage, blank, purpose = capsys.readouterr().out.splitlines()[:3]
        assert command in usage and not blank and purpose.strip()


def test_version(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("--version") == (0, f"penchant {penchant.__version__}\n", "")


def test_a_command_that_returns_is_done(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("act") == (0, "", "")


@pytest.mark.parametrize("body", [lambda: 1, raising(typer.Exit(1))], ids=["returned", "raised"])
def test_a_command_may_choose_its_exit_code(
    run: Callable[..., tuple[int, str, str]], body: Callable[[], object]
) -> None:
    assert run("act", body=body) == (1, "", "")


def test_an_error_of_penchant_is_one_paragraph(run: Callable[..., tuple[int, str, str]]) -> None:
    error = DataError("'rejected' is empty.", where="pairs.jsonl:7", fix="Remove\nthe line.")
    code, out, err = run("act", body=raising(error))
    assert (code, out) == (1, "")
    assert err == "penchant: error: pairs.jsonl:7: 'rejected' is empty. Remove the line.\n"


def test_an_unexpected_error_names_itself_and_the_way_to_its_traceback(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    code, _, err = run("act", body=raising(KeyError("chosen")))
    assert code == 1
    assert err.count("\n") == 1
    assert "unexpected KeyError: 'chosen'" in err and "--debug" in err


@pytest.mark.parametrize("error", [KeyError("chosen"), DataError("'rejected' is empty.")], ids=["unexpected", "own"])
@pytest.mark.parametrize("arguments", [("--debug", "act"), ("act", "--debug"), ("act", "--count", "2", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(
    run: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], error: Exception
) -> None:
    code, _, err = run(*arguments, body=raising(error))
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-1].startswith("penchant: error: ")


@pytest.mark.parametrize(
    "interruption", [KeyboardInterrupt(), typer.Abort(), typer.Exit(130)], ids=lambda error: type(error).__name__
)
def test_interrupted(run: Callable[..., tuple[int, str, str]], interruption: BaseException) -> None:
    code, _, err = run("act", body=raising(interruption))
    assert (code, err) == (130, "penchant: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "phrases"),
    [
        (("act", "--cuont", "2"), ("--cuont", "--count", "'penchant act --help'")),
        (("act", "--count", "many"), ("--count", "'penchant act --help'")),
        (("atc",), ("No such command 'atc'", "Did you mean 'act'?", "'penchant --help'")),
        (("act", "more"), ("more", "'penchant act --help'")),
    ],
)
def test_a_mistake_on_the_line_fails_with_the_reason(
    run: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], phrases: tuple[str, ...]
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("penchant: error: ") and err.count("\n") == 1
    for phrase in phrases:
        assert phrase in err


def test_bars_of_loading_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "HF_HUB_DISABLE_PROGRESS_BARS"
    for terminal, found in ((True, None), (False, "1")):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
        monkeypatch.setattr("sys.stderr.isatty", lambda answer=terminal: answer)
        assert cli.main(["--version"]) == 0
        assert os.environ.get(name) == found
