"""Generates the pages about methods from the registry when the documentation is built (mkdocs ``hooks:``)."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from penchant.objectives import get, names, wrapper_names
from penchant.objectives.core.description import describe, overview

INDEX = "methods/index.md"


def _with_pages(entry: Any) -> Any:
    """A navigation entry for the table of methods becomes a section with all their pages below it."""
    if isinstance(entry, dict):
        return {title: [INDEX, *_pages()] if target == INDEX else _inside(target) for title, target in entry.items()}
    return entry


def _inside(target: Any) -> Any:
    return [_with_pages(entry) for entry in target] if isinstance(target, list) else target


def _pages() -> list[dict[str, str]]:
    return [{name: f"methods/{name}.md"} for name in names() + wrapper_names()]


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
    intro = "# Methods\n\nGenerated from the code; `penchant methods show ID` prints the same pages.\n\n"
    files.append(File.generated(config, INDEX, content=intro + overview(classes)))
    for cls in classes:
        files.append(File.generated(config, f"methods/{cls.id}.md", content=describe(cls)))
    return files
