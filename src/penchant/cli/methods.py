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
    """List all methods by family, with paper and full name."""
    if context.invoked_subcommand is not None:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from penchant.objectives import by_family, get, names, wrapper_names
    from penchant.objectives.core.description import summary

    chosen = [get(name) for name in (by_family(family) if family else names() + wrapper_names())]
    longest = max(len(cls.id) for cls in chosen)
    console = Console()
    for each in dict.fromkeys(cls.family for cls in chosen):
        table = Table(title=each, title_justify="left", title_style="bold", show_header=False, box=box.SIMPLE)
        table.add_column("id", no_wrap=True, min_width=longest)
        table.add_column("what it is", ratio=1)
        for cls in chosen:
            if cls.family == each:
                table.add_row(cls.id, f"{summary(cls).removesuffix('.')}  {cls.paper}")
        console.print(table, markup=False)
    console.print(
        f"{len(chosen)} methods; `penchant methods show ID` tells all about one.", markup=False, highlight=False
    )


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="ID", help="The method's id, for example dpo.")]) -> None:
    """Show a method's formula, paper, hyper-parameters with defaults and ranges, and the data it needs."""
    from rich.console import Console
    from rich.markdown import Markdown

    from penchant.objectives import get
    from penchant.objectives.core.description import describe

    page = describe(get(name))
    console = Console()
    if console.is_terminal:
        console.print(Markdown(page))
    else:  # a file or a pipe gets the text itself, whatever its width
        typer.echo(page, nl=False)
