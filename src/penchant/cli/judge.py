"""``penchant judge``: scores or preferences of judges beside the records of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.cli.judge_words import JudgeOption, parse_judge
from penchant.cli.options import AllowOutside, BadRecords, DataFile, Overwrite, Renamed, Split
from penchant.cli.words import parse_mapping
from penchant.targets import claim_file
from penchant.terminal import echo
from penchant.writing import is_stream, write_rows

__all__ = ["judge"]


def judge(
    data: DataFile,
    judge: Annotated[list[str], typer.Option(metavar="NAME,KEY=VALUE,...", help=f"{JudgeOption.__metadata__[0].help}")],
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="JSONL file of judged records to write.")],
    compare: Annotated[bool, typer.Option("--compare", help="Write preferences instead of scores.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Judge this many records at most.")] = None,
    split: Split = None,
    map_: Renamed = None,
    on_bad: BadRecords = "stop",
    overwrite: Overwrite = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Write what judges say beside every record: scores_NAME or preferences_NAME. A stopped command goes on."""
    settings = [parse_judge(each) for each in judge]
    claim_file(out, option="--out", overwrite=overwrite, inputs=[data, *(each.get("model") for each in settings)])
    from penchant.curation.judged import Journal, judged_rows, names_of
    from penchant.errors import ConfigurationError
    from penchant.feedback.reading import read
    from penchant.rewards import build_judge
    from penchant.training.progress import ProgressReporter

    records = read(data, split=split, mapping=parse_mapping(map_), on_bad=on_bad)  # type: ignore[arg-type]
    total = len(records) if limit is None else min(limit, len(records))
    judges: dict[str, Any] = {}
    for name, each in zip(names_of(settings), settings, strict=True):
        made = build_judge(each, records)
        if made is None:
            raise ConfigurationError("The judge 'none' judges nothing.", where="--judge")
        judges[name] = (each, made)
    journal = Journal(None if is_stream(out) else out.with_name(f".{out.name}.judged.jsonl"))
    reporter = ProgressReporter()
    several = (record for record, _ in zip(records, range(total), strict=False))

    def counted() -> Iterator[dict[str, Any]]:
        for done, row in enumerate(judged_rows(several, judges, compare=compare, journal=journal), start=1):
            yield row
            reporter.advance(done, total, "judging")

    with reporter.bar("judging", total):
        written = write_rows(out, counted(), "The judged records")
    journal.close()
    echo(f"{written} records written to {out}")
