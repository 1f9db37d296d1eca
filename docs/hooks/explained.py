"""Generates a page for each judge and for each metric when the documentation is built (mkdocs ``hooks:``)."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from penchant.cli.explained.pages import judge_page, judges, metric_page, metrics, metrics_overview

JUDGES, METRICS = "judges.md", "metrics/index.md"


def _with_pages(entry: Any) -> Any:
    """The entries of judges and of metrics become sections with a page for each below them."""
    if isinstance(entry, dict):
        for index, pages in (
            (JUDGES, [{cls.id: f"judges/{cls.id}.md"} for cls in judges()]),
            (METRICS, [{each.name: f"metrics/{each.name}.md"} for each in metrics()]),
        ):
            if index in entry.values():
                (title,) = entry
                return {title: [index, *pages]}
    return entry


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages in the navigation."""
    config.nav = [_with_pages(entry) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages; nothing is written to the source tree."""
    found = metrics()
    files.append(File.generated(config, METRICS, content=metrics_overview(found)))
    for each in found:
        files.append(File.generated(config, f"metrics/{each.name}.md", content=metric_page(each)))
    for cls in judges():
        files.append(File.generated(config, f"judges/{cls.id}.md", content=judge_page(cls)))
    return files
