"""Fills in, when the documentation is built, what the program itself knows best: recipe keys and command help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KEYS = "<!-- recipe keys: written here when the documentation is built -->"
ANSWERS = "<!-- keys of other libraries: written here when the documentation is built -->"
HELP = "<!-- command help: written here when the documentation is built -->"


def on_page_markdown(markdown: str, **_page: Any) -> str:
    """Replace the marks of a page."""
    if KEYS in markdown:
        markdown = markdown.replace(KEYS, "\n".join(_recipe_rows()))
    if ANSWERS in markdown:
        markdown = markdown.replace(ANSWERS, "\n".join(_answer_rows()))
    if HELP in markdown:
        markdown = markdown.replace(HELP, "\n\n".join(_command_sections()))
    return markdown


def _recipe_rows() -> Iterator[str]:
    from penchant.training.key_help import grouped_keys

    for title, keys in grouped_keys():
        yield from (f"### {title}", "", "| key | default | meaning |", "| --- | --- | --- |")
        for key in keys:
            default = f"`{key.default}`" if key.default and key.default != "required" else key.default
            yield f"| `{key.name}` | {default} | {_cell(key.meaning)} |"
        yield ""


def _answer_rows() -> Iterator[str]:
    from penchant.training.coming_from.answers import answers_of

    tables = {
        "TRL": ("trl",),
        "LLaMA-Factory": ("llama_factory",),
        "axolotl": ("axolotl",),
        "TrainingArguments of transformers, which TRL and LLaMA-Factory share": ("transformers",),
    }
    for title, names in tables.items():
        yield from (f"## {title}", "", "| key | here | remark |", "| --- | --- | --- |")
        for name in names:
            for key, answer in sorted(answers_of(name).items()):
                ours = ", ".join(f"`{each}`" for each in answer.ours) or "—"
                yield f"| `{key}` | {ours} | {_cell(answer.note)} |"
        yield ""


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|")


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
