"""Generates a page for each group of online recipes when the documentation is built (mkdocs ``hooks:``)."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from penchant.cli.loops.pages import group_page
from penchant.online.shown.groups import GROUPS

INDEX = "online.md"


def _page(title: str) -> str:
    return f"loops/{title.lower().replace(' ', '-').replace(chr(39), '')}.md"


def _with_groups(entry: Any) -> Any:
    """The entry of online training becomes a section with a page for each group of recipes below it."""
    if isinstance(entry, dict) and INDEX in entry.values():
        (title,) = entry
        return {title: [INDEX, *({group: _page(group)} for group in GROUPS)]}
    return entry


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of the groups in the navigation below online training."""
    config.nav = [_with_groups(entry) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each group; nothing is written to the source tree."""
    for title in GROUPS:
        files.append(File.generated(config, _page(title), content=group_page(title)))
    return files
