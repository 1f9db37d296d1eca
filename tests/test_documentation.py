"""What the documentation shows, the program does."""

from __future__ import annotations

import doctest
import re
import runpy
from pathlib import Path

import pytest

from penchant.curation import BUILDERS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if ">>> " in path.read_text(encoding="utf-8")
)
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


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [target for target in LINK.findall(text) if not (ROOT / target).exists()]
    assert missing == []
