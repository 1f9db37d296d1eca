"""``penchant claims``: claims of papers, measured in small worlds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from penchant.cli.options import Overwrite
from penchant.targets import claim_file
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.lab.claims import Claim
    from penchant.lab.claims.running import Outcome
    from penchant.lab.claims.tasks import WorkPlan

__all__ = ["claims"]


def claims(
    names: Annotated[Optional[list[str]], typer.Argument(help="Ids of claims; default: all.")] = None,  # noqa: UP045
    family: Annotated[Optional[str], typer.Option(help="Only the claims of this family.")] = None,  # noqa: UP045
    shard: Annotated[
        Optional[str],  # noqa: UP045 - what typer reads in every version
        typer.Option(metavar="K/N", help="Run part K of N, to split the work over machines: 1/4."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List them, and whose code has changed; run none.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 2,
    output: Annotated[
        Path, typer.Option("--output", "--out", "-o", help="Folder for claims.json and claims.html.")
    ] = Path("runs/claims"),
    cache: Annotated[
        Optional[Path],  # noqa: UP045 - what typer reads in every version
        typer.Option(help="Folder that caches measured seeds; default: the user's cache folder."),
    ] = None,
    sources: Annotated[
        Optional[list[Path]],  # noqa: UP045 - what typer reads in every version
        typer.Option("--from", help="claims.json of another shard or machine, whose results are reused."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure every seed again, even if its result is cached.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Write the results to the record in the package; for maintainers.")
    ] = False,
    pages: Annotated[
        Optional[Path],  # noqa: UP045 - what typer reads in every version
        typer.Option(help="Also write the findings as Markdown pages to this folder."),
    ] = None,
    tuning: Annotated[
        bool, typer.Option("--tuning", help="Run on the tuning seeds, to choose settings; writes no file.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Run the claims of papers in small worlds and show which ones reproduce. No network needed.

    A claim is measured again only if the code it uses has changed since its result was recorded or cached. Measuring
    all claims may take two hours; an estimate is printed first. Ctrl-C keeps every finished seed, and the same command
    continues from there. --shard splits a run.
    """

    console = make_console()
    chosen = _chosen(names, family, shard)
    if listed:
        _list(chosen, console)
        return
    if not chosen:
        echo(f"penchant: the shard {shard} holds none of the claims; there is nothing to do", err=True)
        return
    if not tuning:
        _claim(chosen, output, pages, overwrite, sources or [])
    plan = _plan(chosen, cache, sources or [], tuning, fresh)
    outcome = _run(plan, jobs)
    _show(outcome, console)
    if not tuning:
        _write(outcome, console, output, pages, record)
    if outcome.failures:
        raise typer.Exit(1)


def _claim(chosen: list[type[Claim]], output: Path, pages: Path | None, overwrite: bool, sources: list[Path]) -> None:
    """Check every file that will be written, before anything is measured."""
    for name in ("claims.json", "claims.html"):
        claim_file(output / name, option="--output", overwrite=overwrite, inputs=sources)
    if pages is not None:
        for name in {"index", *(claim.family() for claim in chosen)}:
            claim_file(pages / f"{name}.md", option="--pages", overwrite=overwrite, inputs=sources)


def _chosen(names: list[str] | None, family: str | None, shard: str | None) -> list[type[Claim]]:
    from penchant.errors import ConfigurationError, nearest
    from penchant.lab.claims import all_claims, find_claim
    from penchant.lab.claims.shards import shard_of

    every = [find_claim(name) for name in dict.fromkeys(names)] if names else all_claims()
    chosen = [claim for claim in every if family in (None, claim.family())]
    if not chosen:
        known = sorted({claim.family() for claim in every})
        raise ConfigurationError(f"There are no claims of the family {family!r}. {nearest(str(family), known)}")
    return shard_of(chosen, shard) if shard else chosen


def _list(chosen: list[type[Claim]], console: Any) -> None:
    from rich.table import Table

    from penchant.lab.claims.record import read_record
    from penchant.lab.claims.sources import source_hash

    table, record = Table("claim", "family", "runs in", "recorded", "paper", "what is claimed"), read_record()
    table.columns[0].no_wrap = True
    for claim in chosen:
        entry = record.get(claim.id)
        verdict = entry["verdict"] if entry else "not yet"
        if entry and entry["sources"] != source_hash(claim):
            verdict += "; its code has changed since"
        table.add_row(claim.id, claim.family(), claim.cost, verdict, claim.paper, claim.sentence)
    _wide(console).print(table, markup=False)


def _wide(console: Any) -> Any:
    """A wide console for files and pipes, so that long names stay on one line."""
    return console if console.is_terminal else type(console)(width=160)


def _plan(chosen: list[type[Claim]], cache: Path | None, sources: list[Path], tuning: bool, fresh: bool) -> WorkPlan:
    from penchant.lab.claims import TUNING_SEEDS
    from penchant.lab.claims.record import read_record
    from penchant.lab.claims.results import entry_of, read_results
    from penchant.lab.claims.tasks import plan_work

    given = {row["id"]: entry_of(row) for path in sources for row in read_results(path)}
    seeds = TUNING_SEEDS if tuning else None
    return plan_work(chosen, cache=cache, seeds=seeds, record=read_record() | given, fresh=fresh)


def _run(plan: WorkPlan, jobs: int) -> Outcome:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from penchant.lab.claims import running

    # Progress bars of model loading, here and in the worker processes, would break ours.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    echo(f"penchant: {plan.estimate(jobs)}", err=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = make_console(stderr=True)
    done, wanted = 0, 0
    with Progress(*columns, console=screen, transient=True) as bars:
        bar = bars.add_task("seeds", total=None)

        def advance(claim: str, now: int, total: int) -> None:
            nonlocal done, wanted
            if not screen.is_terminal and 20 * now // total > 20 * done // total:
                echo(f"{now} of {total} seeds", err=True)  # about twenty lines instead of a bar
            done, wanted = now, total
            bars.update(bar, description=claim, completed=now, total=total)

        try:
            return running.run_plan(plan, jobs=jobs, progress=advance)
        except KeyboardInterrupt:
            bars.stop()
            kept = f"{done} of {wanted} seeds are kept" if wanted else "nothing was measured yet"
            echo(f"penchant: {kept}; the same command continues from there", err=True)
            raise typer.Exit(130) from None


def _show(outcome: Outcome, console: Any) -> None:
    from penchant.lab.claims.pages import claims_table, summary_of
    from penchant.lab.claims.results import row_of

    rows = [row_of(finding) for finding in outcome.findings]
    _wide(console).print(claims_table(rows), markup=False)
    console.print(f"{summary_of(rows)}.", markup=False, highlight=False)
    for name, failure in outcome.failures.items():
        echo(f"penchant: the claim {name} failed:\n{failure}", err=True)


def _write(outcome: Outcome, console: Any, output: Path, pages: Path | None, record: bool) -> None:
    from penchant.lab.claims.documentation import write_documentation
    from penchant.lab.claims.pages import write_claims_page
    from penchant.lab.claims.record import write_record
    from penchant.lab.claims.results import entry_of, row_of, write_results

    rows = [row_of(finding) for finding in outcome.findings]
    if not rows:
        return
    write_results(rows, output / "claims.json")
    console.print(f"Page: {write_claims_page(rows, output / 'claims.html')}", soft_wrap=True, highlight=False)
    if record:
        for path in write_record(map(entry_of, rows)):
            console.print(f"Recorded: {path}", soft_wrap=True, highlight=False)
    if pages is not None:
        write_documentation(rows, pages)
