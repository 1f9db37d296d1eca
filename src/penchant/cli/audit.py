"""``penchant audit``: whether a judge is moved by order, wording, length, style, or by who wrote a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.judge_words import JudgeOption, parse_judge
from penchant.cli.measuring.only_ties import nothing_in_ties
from penchant.cli.options import (
    AllowOutside,
    BadRecords,
    DataFile,
    HtmlFile,
    JsonFile,
    Overwrite,
    Renamed,
    Split,
    TrustRemoteCode,
)
from penchant.cli.words import parse_mapping
from penchant.targets import claim_files
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.diagnostics.judge_audit import Audit
    from penchant.evaluation.report.curves import Chart

__all__ = ["audit"]


def audit(
    data: DataFile,
    judge: JudgeOption,
    family: Annotated[
        str | None,
        typer.Option(help="Beginning of the names of models of the judge's own family, for self-preference."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="Audit on this many comparisons at most.")] = None,
    split: Split = None,
    map_: Renamed = None,
    on_bad: BadRecords = "stop",
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
    allow_outside: AllowOutside = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Audit a judge on comparisons: consistency under swapping and rewording, bias by position, length, style, self."""
    settings = parse_judge(judge)
    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=[data, settings.get("model")])
    from penchant.diagnostics.judge_audit import audit as measure
    from penchant.errors import ConfigurationError
    from penchant.feedback.reading import read
    from penchant.rewards import build_judge

    reading: dict[str, Any] = {"split": split, "mapping": parse_mapping(map_), "on_bad": on_bad}
    with nothing_in_ties("there is nothing to audit a judge on"):
        records = list(read(data, **reading))
    records = records if limit is None else records[:limit]
    made = build_judge(settings, records)
    if made is None:
        raise ConfigurationError("The judge 'none' judges nothing.", where="--judge")
    found = measure(made, records, family=family)
    table, lines = _tabled(found)
    console = make_console(highlight=False)
    console.print(table)
    for line in lines:
        console.print(line)
    if html is not None:
        from penchant.cli.narrow import as_texts
        from penchant.evaluation.report.table_page import write_table

        subject = f"{judge} on {data}, {len(records)} comparisons"
        write_table(html, "Audit of a judge", subject, as_texts(table), lines, charts=_drawn(found))
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The audit", fix="Choose another path for --json.")


def _tabled(found: Audit) -> tuple[Table, list[str]]:
    """The table of figures, and what follows from it."""
    from rich.table import Table

    from penchant.diagnostics.judge_audit import MEANINGS
    from penchant.evaluation.report.quantities import fixed

    table = Table("figure", "value", "95 % interval", "pairs", "meaning")
    for name, each in found.figures.items():
        shown = each.interval
        value, low, high = (fixed(number, 3) for number in (shown.value, shown.low, shown.high))
        table.add_row(name, value, f"[{low}, {high}]", f"{each.pairs:,}", MEANINGS[name])
    biased = [name for name in found.biases if found.found(name)]
    said = f"Found at 95 %: {', '.join(biased)}." if biased else "No bias is found at 95 %."
    return table, [*found.notes, said]


def _drawn(found: Audit) -> list[Chart]:
    """The biases with their intervals."""
    from penchant.evaluation.report.interval_chart import interval_chart

    known = [(name, found.figures[name].interval) for name in found.biases]
    rows = [(name, each.value, each.low, each.high) for name, each in known]
    note = "Lines: 95 % intervals; one that holds 0 shows no bias. Meanings are those of the table"
    return [interval_chart("Biases", rows, "probability, less 1/2 or what is preferred", note=note, zero=0.0)]
