"""Fills in, when the documentation is built, what the program itself knows best: recipe keys, command help, layouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KEYS = "<!-- recipe keys: written here when the documentation is built -->"
HELP = "<!-- command help: written here when the documentation is built -->"
LAYOUTS = "<!-- layouts: written here when the documentation is built -->"


def on_page_markdown(markdown: str, **_page: Any) -> str:
    """Replace the marks of a page."""
    if KEYS in markdown:
        markdown = markdown.replace(KEYS, "\n".join(_recipe_rows()))
    if HELP in markdown:
        markdown = markdown.replace(HELP, "\n\n".join(_command_sections()))
    if LAYOUTS in markdown:
        markdown = markdown.replace(LAYOUTS, "\n".join(_layout_rows()))
    return markdown


def _recipe_rows() -> Iterator[str]:
    from penchant.training.recipe import PARTS, Recipe

    yield "| key | default | meaning |"
    yield "| --- | --- | --- |"
    for part, prefix in ((Recipe, ""), *((part, f"{name}.") for name, part in PARTS.items())):
        for name, field in part.model_fields.items():
            default = "required" if field.is_required() else "" if field.default is None else f"`{field.default}`"
            yield f"| `{prefix}{name}` | {default} | {field.description} |"


def _layout_rows() -> Iterator[str]:
    from penchant.feedback.known.table import LAYOUTS

    yield "| layout | used by | columns | read as |"
    yield "| --- | --- | --- | --- |"
    for layout in LAYOUTS:
        says = "" if "{prompt}" in layout.says else layout.says  # the columns say which is the prompt
        kind = f"{layout.kind}; {says}" if says else layout.kind
        yield f"| {layout.name} | {layout.used_by} | {layout.columns} | {kind} |"


def _command_sections() -> Iterator[str]:
    import typer

    from penchant.cli.app import app

    root: Any = typer.main.get_command(app)
    yield from _sections(root, "penchant")


def _sections(command: Any, path: str) -> Iterator[str]:
    context = command.make_context(path, ["--help"], resilient_parsing=True)
    if path != "penchant":
        yield f"## {path}\n\n```text\n{command.get_help(context).strip()}\n```"
    if hasattr(command, "list_commands"):  # a group; that of the builders makes its commands when it is asked
        for name in sorted(command.list_commands(context)):
            yield from _sections(command.get_command(context, name), f"{path} {name}")
