"""``penchant methods``: which methods there are, and what each one is."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

__all__ = ["app"]

app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help="List the methods, or show one: penchant methods show dpo."
)


@app.callback()
def list_methods(
    context: typer.Context,
    family: Annotated[
        Optional[str],  # noqa: UP045 - what typer reads in every version
        typer.Option(help="List only this family, for example pairwise."),
    ] = None,
) -> None:
    """List all methods with family, paper, and their name."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from penchant.objectives import by_family, get, names, wrapper_names
    from penchant.objectives.description import summary

    table = Table("id", "name", "family", "paper", "what it is")
    for name in by_family(family) if family else names() + wrapper_names():
        cls = get(name)
        table.add_row(name, cls.__name__, cls.family, cls.paper, summary(cls))
    Console().print(table, markup=False)


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="ID", help="The method's id, for example dpo.")]) -> None:
    """Show a method's formula, paper, hyper-parameters with defaults and ranges, and the data it needs."""
    from rich.console import Console
    from rich.markdown import Markdown

    from penchant.objectives import get
    from penchant.objectives.description import describe

    page = describe(get(name))
    console = Console()
    if console.is_terminal:
        console.print(Markdown(page))
    else:  # a file or a pipe gets the text itself, whatever its width
        typer.echo(page, nl=False)
