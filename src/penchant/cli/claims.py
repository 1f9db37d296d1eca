"""``penchant claims``: what papers claim, measured in small worlds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

if TYPE_CHECKING:
    from penchant.lab.claims import Claim
    from penchant.lab.claims.running import Outcome

__all__ = ["claims"]


def claims(
    names: Annotated[Optional[list[str]], typer.Argument(help="Ids of claims; all where absent.")] = None,  # noqa: UP045
    family: Annotated[Optional[str], typer.Option(help="Only claims about methods of this family.")] = None,  # noqa: UP045
    listed: Annotated[bool, typer.Option("--list", help="List the claims and run nothing.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 2,
    output: Annotated[
        Path, typer.Option("--output", "--out", "-o", help="Folder for claims.json and claims.html.")
    ] = Path("runs/claims"),
    cache: Annotated[
        Optional[Path],  # noqa: UP045 - what typer reads in every version
        typer.Option(help="Where measured seeds are kept; the user's cache folder where absent."),
    ] = None,
    page: Annotated[
        Optional[Path],  # noqa: UP045 - what typer reads in every version
        typer.Option(help="Write the findings as a page in Markdown, too."),
    ] = None,
    tuning: Annotated[
        bool, typer.Option("--tuning", help="Run on the tuning seeds, to choose settings; writes no file.")
    ] = False,
) -> None:
    """Run the claims of papers in small worlds and say which ones reproduce. No network needed.

    Ctrl-C keeps every finished seed; the same command goes on from there.
    """
    from rich.console import Console

    console = Console()
    chosen = _chosen(names, family)
    if listed:
        _list(chosen, console)
        return
    outcome = _run(chosen, jobs, cache, tuning)
    _tell(outcome, console, None if tuning else output, page)
    if outcome.failures:
        raise typer.Exit(1)


def _chosen(names: list[str] | None, family: str | None) -> list[type[Claim]]:
    from penchant.errors import ConfigurationError, nearest
    from penchant.lab.claims import all_claims, find_claim

    every = [find_claim(name) for name in dict.fromkeys(names)] if names else all_claims()
    if family is None:
        return every
    chosen = [claim for claim in every if claim.family() == family]
    if not chosen:
        known = sorted({claim.family() for claim in every})
        raise ConfigurationError(f"No claim is about the family {family!r}. {nearest(family, known)}")
    return chosen


def _list(chosen: list[type[Claim]], console: Any) -> None:
    from rich.table import Table

    table = Table("claim", "family", "runs in", "paper", "what is claimed")
    for claim in chosen:
        table.add_row(claim.id, claim.family(), claim.cost, claim.paper, claim.sentence)
    console.print(table, markup=False)


def _run(chosen: list[type[Claim]], jobs: int, cache: Path | None, tuning: bool) -> Outcome:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from penchant.lab.claims import TUNING_SEEDS
    from penchant.lab.claims.running import run_claims

    # The bars of loading models, here and in the processes that measure, would tear ours.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    done, wanted = 0, 0
    with Progress(*columns, console=screen, transient=True) as progress:
        bar = progress.add_task("seeds", total=None)

        def told(claim: str, now: int, total: int) -> None:
            nonlocal done, wanted
            if not screen.is_terminal and 20 * now // total > 20 * done // total:
                typer.echo(f"{now} of {total} seeds", err=True)  # a log has no bar; twenty lines will do
            done, wanted = now, total
            progress.update(bar, description=claim, completed=now, total=total)

        try:
            seeds = TUNING_SEEDS if tuning else None
            return run_claims(chosen, jobs=jobs, cache=cache, seeds=seeds, told=told)
        except KeyboardInterrupt:
            progress.stop()
            kept = f"{done} of {wanted} seeds are kept" if wanted else "nothing was measured yet"
            typer.echo(f"penchant: {kept}; the same command goes on from there", err=True)
            raise typer.Exit(130) from None


def _tell(outcome: Outcome, console: Any, output: Path | None, page: Path | None) -> None:
    from penchant.lab.claims.pages import claims_table, summary_of, write_claims_page, write_documentation
    from penchant.lab.claims.results import row_of, write_results

    rows = [row_of(finding) for finding in outcome.findings]
    if not console.is_terminal:  # a file or a pipe has no width; long names stay on one line
        console = type(console)(width=160)
    console.print(claims_table(rows), markup=False)
    console.print(f"{summary_of(rows)}.", markup=False, highlight=False)
    for name, failure in outcome.failures.items():
        typer.echo(f"penchant: the claim {name} failed:\n{failure}", err=True)
    if output is not None and rows:
        write_results(rows, output / "claims.json")
        written = write_claims_page(rows, output / "claims.html")
        console.print(f"Page: {written}", soft_wrap=True, highlight=False)
    if page is not None:
        write_documentation(rows, page)
