"""``penchant methods``: list the methods, and show one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from penchant.terminal import make_console

if TYPE_CHECKING:
    from penchant.objectives import Objective

__all__ = ["app"]

app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help="List the methods, or show one: penchant methods show dpo."
)


#: Columns of a terminal below which a table of four columns would be unreadable.
NARROW = 130


@app.callback()
def list_methods(
    context: typer.Context,
    family: Annotated[
        Optional[str],  # noqa: UP045 - what typer reads in every version
        typer.Option(help="List only this family, for example pairwise."),
    ] = None,
    tag: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="List only methods with this tag, for example robust."),
    ] = None,
) -> None:
    """List all methods by family, with tags, evidence, paper and full name."""
    if context.invoked_subcommand is not None:
        return

    from penchant.cli.sum_pages import sums_in_words

    chosen = _chosen(family, tag)
    longest = max(len(cls.id) for cls in chosen)
    console = make_console()
    for each in dict.fromkeys(cls.family for cls in chosen):
        own = [cls for cls in chosen if cls.family == each]
        console.print(_table(each, own, longest, narrow=console.width < NARROW), markup=False)
    if any(cls.family == "unlearning" for cls in chosen):
        console.print(sums_in_words(), markup=False, highlight=False)
    console.print(
        f"{len(chosen)} methods; `penchant methods show ID` shows one in detail.", markup=False, highlight=False
    )


def _chosen(family: str | None, tag: str | None) -> list[type[Objective]]:
    """The methods with a family and a tag, grouped by family."""
    from penchant.errors import ConfigurationError
    from penchant.objectives import by_family, by_tag, families, get

    ids = [name for each in ([family] if family else families()) for name in by_family(each)]
    tagged = by_tag(tag) if tag else ids
    chosen = [name for name in ids if name in tagged]
    if not chosen:
        raise ConfigurationError(f"The family {family!r} has no method with the tag {tag!r}.")
    return [get(name) for name in chosen]


def _table(title: str, classes: list[type[Objective]], longest: int, narrow: bool) -> Any:
    """The methods of a family; in a narrow terminal tags and evidence follow the description."""
    from rich import box
    from rich.table import Table

    from penchant.cli.method_facts import evidence_in_words
    from penchant.objectives.core.description import summary

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    table.add_column("id", no_wrap=True, min_width=0 if narrow else longest)
    table.add_column("description, tags, evidence" if narrow else "description", ratio=3)
    if not narrow:
        table.add_column("tags", ratio=1)
        table.add_column("evidence", no_wrap=True)
    for cls in classes:
        other = f"  Also called {', '.join(cls.aliases)}." if cls.aliases else ""
        what = f"{summary(cls).removesuffix('.')}  {cls.paper}{other}"
        tags, evidence = ", ".join(cls.tags), evidence_in_words(cls)
        if narrow:
            table.add_row(cls.id, "; ".join(text for text in (what.rstrip("."), tags, evidence) if text))
        else:
            table.add_row(cls.id, what, tags, evidence)
    return table


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="The id or alias of a method, or an online recipe: dpo, remax.")
    ],
) -> None:
    """Show a method's formula, paper, data, evidence, hyper-parameters and claims; of an online recipe, its choices."""
    from penchant.cli.listing import print_page

    print_page(_page(name))


def _page(name: str) -> str:
    """The page of an objective, of an online recipe, of both where they share the name, or of a paper's name."""
    from penchant.cli.loops.pages import known_names, loop_page, name_page, online_part
    from penchant.cli.method_pages import method_page
    from penchant.cli.sum_pages import sum_page
    from penchant.elsewhere import where_else
    from penchant.errors import ConfigurationError, nearest
    from penchant.objectives.core.expression import NAMED_SUMS
    from penchant.objectives.core.registry import OBJECTIVES
    from penchant.online.recipe import methods
    from penchant.online.shown.paper_names import PAPER_NAMES

    if name in NAMED_SUMS:
        return sum_page(name)
    if name in OBJECTIVES:
        cls = OBJECTIVES.get(name)
        page = method_page(cls)
        if name == cls.id:
            return page + online_part(name, cls.family == "policy-gradient")
        alias = f"`{name}` is another name of `{cls.id}`.\n\n"
        return f"{loop_page(name)}\nAs an objective, {alias}{page}" if name in methods() else alias + page
    if name in methods():
        return loop_page(name)
    if name in PAPER_NAMES:
        return name_page(name)
    known = [*OBJECTIVES.names(), *OBJECTIVES.aliases(), *NAMED_SUMS, *known_names()]
    raise ConfigurationError(f"There is no method {name!r}. {where_else(name) or nearest(name, known)}")
