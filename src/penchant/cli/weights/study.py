"""``penchant study``: a grid of short chains of training whose scores are one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.options import JsonFile, Overwrite, TrustRemoteCode
from penchant.terminal import echo, make_console

__all__ = ["study"]


def study(
    name: Annotated[
        str, typer.Argument(metavar="STUDY", help="budget, alignment-insight, preference-scaling, or a YAML file.")
    ],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Keys of the study: seeds=3 pairs=FILE.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "--output", "-o", help="Folder; default: runs/STUDY.")] = None,
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Run a study, and print its table: budgets of demonstrations or pairs, methods from several starts, power laws.

    Without data of your own the first two run on sums, in minutes. A stopped study goes on with the same command.
    """
    from penchant.cli.words import pairs
    from penchant.targets import claim_file
    from penchant.training.studies.plans import read_study
    from penchant.writing import write_json

    read = read_study(name, pairs(words or [], "key=value"))
    output = out or Path("runs") / Path(name).stem
    inputs = [read.model, read.demonstrations, read.pairs, read.held_out]
    inputs += [*read.models, *read.sets.values()] if read.design == "scaling" else []
    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=inputs)
    if read.world is not None:
        from penchant.lab.study_data import write_study_data

        echo("The model and data of the sums world", err=True)
        read = read.model_copy(update=write_study_data(output / "data"))
    from penchant.evaluation.report.study_page import write_study
    from penchant.training.studies.findings import findings, headings, sentences, table_rows
    from penchant.training.studies.running import run_study

    with interruptible():
        results = findings(read, run_study(read, output, lambda line: echo(line, err=True)))
    parts = headings(results), table_rows(results), sentences(results)
    _show("pair loss (nats)" if read.design == "scaling" else results["study"]["measure"], *parts)
    write_json(output / "study.json", results, "The study")
    page = write_study(results, *parts, output / "study.html")
    if json_out is not None:
        write_json(json_out, results, "The study")
    echo(f"Page: {page}")


def _show(measure: str, headings: list[str], rows: list[list[str]], sentences: list[str]) -> None:
    from rich.table import Table

    from penchant.cli.narrow import print_fitted

    table = Table(title=f"{measure}, mean over seeds", title_justify="left")
    for each in headings:
        table.add_column(each, justify="right" if table.columns else "left")
    for row in rows:
        table.add_row(*row)
    print_fitted(make_console(highlight=False), table)
    for line in sentences:
        echo(line)
