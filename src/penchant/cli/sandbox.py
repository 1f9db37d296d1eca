"""``penchant sandbox``: what programs that nobody has read are fenced by here."""

from __future__ import annotations

from typing import Annotated

import typer

from penchant.terminal import echo, make_console

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The sandbox in which programs of a model are run and judged."
)


@app.callback()
def sandbox() -> None:
    """The sandbox in which programs of a model are run and judged."""


@app.command()
def check(
    without: Annotated[
        str, typer.Option(help="Means to do without, to see what holds elsewhere: namespaces,users,seccomp,landlock.")
    ] = "",
) -> None:
    """Try every fence with a small attack, and say which hold here and what is not fenced."""
    from rich import box
    from rich.table import Table

    from penchant.sandbox import Sandbox
    from penchant.sandbox.attacks import ATTACKS, LIMITS, outside, try_attack

    left_out = [name.strip() for name in without.split(",") if name.strip()]
    table = Table("fence", "here", "held by", "how it was tried", box=box.SIMPLE)
    broken = []
    with outside() as world, Sandbox(LIMITS, jobs=1, without=left_out) as tried:
        for fence in tried.fences:
            attempts = [each for each in ATTACKS if each.fence == fence.name]
            results = [(attack, try_attack(attack, tried, world)) for attack in attempts]
            how = "; ".join(f"{attack.what}: {result.outcome}" for attack, (_held, result) in results)
            holds = all(held for _attack, (held, _result) in results)
            state = "on" if holds and fence else "in part" if fence and fence.gap else "off"
            broken += [fence.name] if fence and not holds and not fence.gap else []
            table.add_row(fence.name, state, fence.held_by or "nothing", how)
        sentence = tried.not_fenced
    console = make_console()
    console.print(table)
    console.print(sentence or "Everything is fenced here.", soft_wrap=True)
    if broken:
        echo(f"penchant: error: these fences should hold here and do not: {', '.join(broken)}.", err=True)
        raise typer.Exit(1)
