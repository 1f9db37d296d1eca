"""Printing: nothing that comes from a file, a model or a server acts on the terminal."""

from __future__ import annotations

import ast
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

import penchant
from penchant.cli.app import main
from penchant.terminal import make_console, shown
from penchant.training.progress import ProgressReporter

NASTY = "a\x1b]0;TITLE\x07\x1b[2J\x9b31m\u202eb\r\x08 [/red][bold]:smile: \ud83d"
PACKAGE = Path(penchant.__file__).parent


def printed(value: object, **options: object) -> str:
    file = io.StringIO()
    make_console(file=file, width=300, **options).print(value)
    return file.getvalue()


def acts(text: str) -> list[str]:
    """The characters that a terminal would act on."""
    turning = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    return [
        each
        for each in text
        if (unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") and each not in "\n\t")
        or unicodedata.bidirectional(each) in turning
    ]


@given(st.text(st.characters()))
def test_no_character_of_a_text_acts_on_the_terminal(text: str) -> None:
    assert not acts(shown(text)) and not acts(shown(text, in_one_line=True))
    assert "\n" not in shown(text, in_one_line=True)


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_other_texts_are_shown_as_they_are(text: str) -> None:
    assert shown(text) == text


def test_emoji_and_letters_of_right_to_left_scripts_stay() -> None:
    for text in ("👩\u200d🔬", "שלום", "مرحبا", "می\u200cخواهم"):
        assert shown(text) == text


def in_a_table() -> Table:
    table = Table(NASTY, title=NASTY)
    table.add_row(NASTY)
    return table


@pytest.mark.parametrize("value", [NASTY, Text(NASTY), in_a_table()], ids=["text", "styled", "table"])
def test_a_console_prints_what_is_written_and_interprets_none_of_it(value: object) -> None:
    found = printed(value)
    assert not acts(found)
    assert "[/red][bold]:smile:" in found and "\\x1b" in found


def test_colours_of_our_own_stay() -> None:
    found = printed(Text("ok", style="green"), force_terminal=True, color_system="standard")
    assert found == "\x1b[32mok\x1b[0m\n"


def test_a_progress_bar_shows_names_as_they_are() -> None:
    file = io.StringIO()
    console = make_console(file=file, force_terminal=True, color_system=None, width=300)
    reporter = ProgressReporter(console=console)
    with reporter.bar(NASTY, 2):
        reporter.advance(1, 2, NASTY)
    assert "[/red][bold]" in file.getvalue()
    assert "\x1b]0;" not in file.getvalue() and "\u202e" not in file.getvalue() and "\x9b" not in file.getvalue()


def test_an_error_and_its_traceback_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--debug"]):
        assert main([*options, "data", "check", f"{NASTY}.jsonl"]) == 1
        assert not acts(capsys.readouterr().err)


def test_all_printing_goes_through_one_module() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            prints = called in ("print", "Console", "rich.print", "traceback.print_exc", "sys.stdout.write")
            if prints or called.endswith((".echo", ".secho")):
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {called}")  # type: ignore[attr-defined]
    # Two modules are scripts that print the path of a file of the package; what runs inside of the sandbox is captured.
    allowed = ("terminal.py", "objectives/core/stub.py", "training/keywords.py", "sandbox/inside/")
    assert [each for each in found if not each.startswith(allowed)] == []
