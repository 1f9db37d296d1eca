"""What the documentation shows, the program does."""

from __future__ import annotations

import doctest
import re
import runpy
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from penchant.cli.app import app
from penchant.curation import BUILDERS
from penchant.feedback.known.table import LAYOUTS
from penchant.objectives import build
from readme_table import with_table

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if ">>> " in path.read_text(encoding="utf-8")
)
TEXTS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
#: A command in a block of code or between backticks, where it may continue on the next line.
COMMAND = re.compile(r"^(?:\$ |\.venv/bin/)*(penchant [^`#\n]*)|`(penchant [^`]*)`", re.MULTILINE)
#: What the guide shows how to add: an objective and a builder of data.
CONTRIBUTED = {"my-hinge", "cut-short"}
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_examples_on_a_page_run(page: Path) -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testfile(str(ROOT / page), module_relative=False, optionflags=options, encoding="utf-8")
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_page_of_commands_has_every_command_the_builders_of_data_too() -> None:
    hook = runpy.run_path(str(ROOT / "docs" / "hooks" / "tables.py"))
    page = hook["on_page_markdown"](hook["HELP"])
    builders = [f"data build {name}" for name in BUILDERS]
    for command in ("train", "list", "show", "data check", "methods show", *builders):
        assert f"## penchant {command}\n\n```text\nUsage: penchant {command} " in page


def test_the_page_of_data_has_every_layout() -> None:
    hook = runpy.run_path(str(ROOT / "docs" / "hooks" / "tables.py"))
    mark = hook["LAYOUTS"]
    assert mark in (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = hook["on_page_markdown"](mark).splitlines()
    assert [row.split(" | ")[0].strip("| ") for row in rows[2:]] == [layout.name for layout in LAYOUTS]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [target for target in LINK.findall(text) if not (ROOT / target).exists()]
    assert missing == []


def commands(page: Path) -> list[str]:
    """The commands that a page shows."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [" ".join((block or inline).split()) for block, inline in COMMAND.findall(text)]
    return [line for line in lines if not CONTRIBUTED & set(line.split())]


def mistakes(line: str) -> list[str]:
    """What of a command line the program does not know: the command, an option, an objective."""
    command: Any = typer.main.get_command(app)
    words = [word.rstrip(",;:") for word in shlex.split(line)[1:] if word not in ("…", "...")]
    while words and hasattr(command, "get_command") and not words[0].startswith("-"):
        name = words.pop(0)
        known = name in command.list_commands(None)
        if not known and not name.isupper():
            return [f"no command {name}"]
        command = command.get_command(None, name) if known else command.get_command(None, "degrade")
    options = {option for each in command.params for option in each.opts} | {"--help", "--debug"}
    wrong = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
    for option, value in pairwise(words):
        if option in ("--objective", "--objectives") and not value.isupper():
            for name in value.split(","):
                build(name)
    return wrong


@pytest.mark.parametrize("page", TEXTS, ids=str)
def test_commands_on_a_page_have_names_options_and_objectives_that_exist(page: Path) -> None:
    assert {line: found for line in commands(page) if (found := mistakes(line))} == {}


def test_a_command_that_does_not_exist_is_found() -> None:
    assert mistakes("penchant trian --model M") == ["no command trian"]
    assert mistakes("penchant compare --objective dpo") == ["--objective"]
    assert mistakes("penchant data build NAME FILE --output F --levles 3") == ["--levles"]
    assert commands(Path("README.md")).count("penchant quickstart") > 1


def test_the_readme_has_the_table_of_methods() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == with_table(text), "write it anew: python tests/readme_table.py"
