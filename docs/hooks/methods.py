"""Generates the pages about methods from the registry when the documentation is built (mkdocs ``hooks:``)."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from penchant.cli.method_pages import evidence_table, method_page, methods_overview
from penchant.objectives import by_family, families, get, names, wrapper_names

INDEX = "methods/index.md"
CLAIMS = "../claims"
# The tables are wide, and the navigation lists the families too: no table of contents beside them.
INTRO = """\
---
hide: [toc]
---

# Methods

`penchant methods` lists them, `penchant methods show ID` prints the page of one. A method's id stands first; other
names in the same cell are aliases: the same formula, published under another name.

- **Family**: what a method's loss asks for. **Tags** say what methods of several families share
  (`penchant methods --tag robust`).
- **Data**: *pairs* are a chosen and a rejected response; *thumbs*, single responses labelled good or bad; *ranked
  lists*, several responses to a prompt with scores or ranks; *demonstrations*, responses to imitate. Record fields that
  a method needs are named, and in parentheses those that it can do without. See [Data](../data.md).
- **Responses**: texts, images, or both. *Images* are scored by a denoiser, see [Images](../diffusion.md).
- **Evidence**: *official code*, the method gives the numbers of published code, and so many cases agree; *paper*, the
  formula is the paper's, and tests check its properties; *reconstruction*, the paper leaves constants or the form open,
  and the method's page says which. Where none is
  named, no paper states the method: its page does.
- **Claims**: what papers promise, measured in small worlds whose truth is known. See [Claims](../claims/index.md).

"""


def _with_pages(entry: Any) -> Any:
    """A navigation entry for the table of methods becomes a section with all their pages below it."""
    if isinstance(entry, dict):
        return {title: [INDEX, *_pages()] if target == INDEX else _inside(target) for title, target in entry.items()}
    return entry


def _inside(target: Any) -> Any:
    return [_with_pages(entry) for entry in target] if isinstance(target, list) else target


def _pages() -> list[dict[str, list[dict[str, str]]]]:
    """The pages of the methods, a section for each family."""
    return [{family: [{name: f"methods/{name}.md"} for name in by_family(family)]} for family in families()]


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
    index = "\n".join([INTRO, evidence_table(classes), methods_overview(classes)])
    files.append(File.generated(config, INDEX, content=index))
    for cls in classes:
        files.append(File.generated(config, f"methods/{cls.id}.md", content=method_page(cls, CLAIMS)))
    return files
