"""Generates the pages about methods from the registry when the documentation is built (mkdocs ``hooks:``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from penchant.objectives import get, names, wrapper_names
from penchant.objectives.core.description import describe, overview

INDEX = "methods/index.md"
INTRO = """\
# Methods

Generated from the code; `penchant methods show ID` prints the same pages.

The family follows from what a method's loss asks for; tags say what methods of several families share. Evidence:
*official code*, the method gives the numbers of published code; *paper*, the formula is the paper's and its properties
are tested; *reconstruction*, constants or form are our reading, and the method's page says which. Where none is
named, no paper states the method: its page does.

"""
#: Cases of published code, one file for each method; the tests hold the methods to them.
PUBLISHED = Path(__file__).parents[2] / "tests" / "objectives" / "published"


def _with_pages(entry: Any) -> Any:
    """A navigation entry for the table of methods becomes a section with all their pages below it."""
    if isinstance(entry, dict):
        return {title: [INDEX, *_pages()] if target == INDEX else _inside(target) for title, target in entry.items()}
    return entry


def _inside(target: Any) -> Any:
    return [_with_pages(entry) for entry in target] if isinstance(target, list) else target


def _pages() -> list[dict[str, str]]:
    return [{name: f"methods/{name}.md"} for name in names() + wrapper_names()]


def _cases() -> dict[str, int]:
    """How many cases of published code each method meets."""
    return {path.stem: len(json.loads(path.read_text(encoding="utf-8"))) for path in PUBLISHED.glob("*.json")}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of the methods in the navigation below their table."""
    if config.nav:
        config.nav = [_with_pages(entry) for entry in config.nav]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the table of methods and one page per method; nothing is written to the source tree."""
    for file in list(files):
        if file.src_uri.startswith("hooks/"):
            files.remove(file)  # the scripts that build the pages are no pages
    classes = [get(name) for name in names() + wrapper_names()]
    files.append(File.generated(config, INDEX, content=INTRO + overview(classes, _cases())))
    for cls in classes:
        files.append(File.generated(config, f"methods/{cls.id}.md", content=describe(cls)))
    return files
