"""Generates the pages about claims from the recorded results when the documentation is built (mkdocs ``hooks:``)."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from penchant.lab.claims.documentation import documentation_pages, families_of
from penchant.lab.claims.results import recorded_rows

INDEX = "claims/index.md"

ROWS = recorded_rows()


def _with_families(entry: Any) -> Any:
    """The entry of the overview becomes a section with a page for each family below it."""
    if isinstance(entry, dict) and INDEX in entry.values():
        (title,) = entry
        return {title: [INDEX, *({family: f"claims/{family}.md"} for family in families_of(ROWS))]}
    return entry


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of the families in the navigation below their overview."""
    config.nav = [_with_families(entry) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the overview and a page for each family; nothing is written to the source tree."""
    for name, text in documentation_pages(ROWS).items():
        files.append(File.generated(config, f"claims/{name}", content=text))
    return files
