"""``penchant judge``: scores or preferences of judges beside the records of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.judge_words import build_judges, judge_names, parse_judge
from penchant.cli.options import (
    AllowOutside,
    BadRecords,
    DataFile,
    JsonFile,
    Overwrite,
    RecordKind,
    Renamed,
    Split,
    TrustRemoteCode,
)
from penchant.cli.words import parse_mapping
from penchant.errors import ConfigurationError
from penchant.targets import claim_file
from penchant.terminal import counted, echo, make_console
from penchant.writing import is_stream, write_json, write_rows

if TYPE_CHECKING:
    from penchant.curation.judged_file import Judged, NamedJudge
    from penchant.evaluation.judges.subsets import Subsets
    from penchant.rewards.judge import Judge
    from penchant.rewards.mixtures import MixtureJudge

__all__ = ["judge"]

Judges = Annotated[
    list[str],
    typer.Option(
        "--judge",
        metavar="NAME,KEY=VALUE,...",
        help="A judge and its settings (reward_model,model=FOLDER), the folder of a reward model, or a YAML file; "
        "repeat for several. as=WORD names its judgements. `penchant list judges` names the judges.",
    ),
]
Combine = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,KEY=VALUE,...",
        help="Also combine the scores: ensemble,how=worst or weighted,weights=[0.7,0.3],over=prompt.",
    ),
]
Fields = Annotated[
    str | None,
    typer.Option(
        metavar="JUDGE",
        help="Write the scores of this judge as fields that methods read, too: chosen_score and rejected_score, "
        "scores of a ranking, or score.",
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD", help="Also show how often each judge ranks the preferred response first, by this field."
    ),
]
Sections = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.yaml",
        help="Sections of the subsets: reward-bench, or a YAML file with a list of subsets for each section.",
    ),
]
BestOf = Annotated[
    list[int] | None,
    typer.Option(
        min=1, metavar="N", help="Also show what the best of N samples by each judge is worth; repeat for a curve."
    ),
]

Rerank = Annotated[
    bool,
    typer.Option(
        "--rerank",
        help="Also show how often each way to choose one of several solutions is right, by the judge's scores and the "
        "field answer.",
    ),
]


def judge(
    file: DataFile,
    judge_: Judges,
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="JSONL file of judged records to write.")],
    compare: Annotated[bool, typer.Option("--compare", help="Write preferences instead of scores.")] = False,
    combine: Combine = None,
    fields: Fields = None,
    by: By = None,
    sections: Sections = None,
    best_of: BestOf = None,
    rerank: Rerank = False,
    json_out: JsonFile = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Judge this many records at most.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...; default: a GPU if there is one.")] = None,
    cache: Annotated[bool, typer.Option(help="Keep the judgements of models on disk, for later commands too.")] = True,
    split: Split = None,
    map_: Renamed = None,
    kind: RecordKind = None,
    on_bad: BadRecords = "stop",
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Write what judges say beside every record: scores_NAME or preferences_NAME. A stopped command goes on."""
    settings = [parse_judge(each) for each in judge_]
    claim_file(out, option="--out", overwrite=overwrite, inputs=[file, *judge_, *settings])
    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[file, *judge_, *settings, out])
    combined = [] if combine is None else [str(parse_judge(combine, "--combine").get("as", "combined"))]
    names, by = judge_names(settings, combined), _field(by, sections)
    if fields is not None and fields not in names:
        raise ConfigurationError(
            f"There are no judgements named {fields!r}.", where="--fields", fix=f"Name one of: {', '.join(names)}."
        )
    if fields is not None and compare:
        raise ConfigurationError("--fields writes scores, and --compare asks for none.", fix="Give one of the two.")
    from penchant.curation.judged import Journal
    from penchant.curation.judged_file import judge_records, read_responses

    feedback = read_responses(file, mapping=parse_mapping(map_), split=split, kind=kind, on_bad=on_bad, ties="keep")
    feedback = feedback if limit is None else feedback[:limit]
    judges = build_judges(dict(zip(names, settings, strict=False)), feedback, device, cache)
    mixture = None if combine is None else (names[-1], _mixture(combine, [each.judge for each in judges.values()]))
    journal = Journal(None if is_stream(out) else out.with_name(f".{out.name}.judged.jsonl"))
    options: dict[str, Any] = {"combined": mixture, "compare": compare, "journal": journal}
    with _progress(list(judges), len(feedback)) as progress:
        found = judge_records(feedback, judges, progress=progress, **options)
    write_rows(out, found.rows(fields), "The judged records")
    journal.close()
    _show(found, judges, feedback.bad)
    figures: dict[str, Any] = {name: _plain_figures(each) for name, each in found.summary().items()}
    _add_asked(figures, found, by, sections, best_of, rerank)
    if json_out is not None:
        write_json(json_out, figures, "The judge's figures")
    echo(f"{counted(len(feedback), 'record')} written to {out}", err=is_stream(out))


def _add_asked(
    figures: dict[str, Any],
    found: Judged,
    by: str | None,
    sections: str | None,
    best_of: list[int] | None,
    rerank: bool,
) -> None:
    """Show the tables that are asked for, and add their figures."""
    if by is not None:
        for name, each in _subsets(found, by, sections).items():
            figures[name]["subsets"] = asdict(each)
    if best_of:
        from penchant.cli.measuring.best_of import show_best_of

        figures["best_of_n"] = show_best_of(found, best_of)
    if rerank:
        from penchant.cli.measuring.rerank import show_reranked

        figures["rerank"] = show_reranked(found)


@contextmanager
def _progress(judges: list[str], records: int) -> Iterator[Callable[[str, int, int], None]]:
    """A bar over all judges; where the command is stopped, a line that nothing is lost."""
    from penchant.training.progress import ProgressReporter

    reporter, total, done = ProgressReporter(), len(judges) * records, [0]

    def advance(name: str, so_far: int, _total: int) -> None:
        done[0] = judges.index(name) * records + so_far
        reporter.advance(done[0], total, name)

    try:
        with reporter.bar("Judging", total):
            yield advance
    except BaseException:
        if done[0]:
            echo("The judgements so far are kept: the same command goes on from there.", err=True)
        raise


def _mixture(combine: str, judges: list[Judge]) -> MixtureJudge:
    from penchant.rewards.mixtures import MixtureJudge
    from penchant.rewards.registry import JUDGES

    settings = parse_judge(combine, "--combine")
    settings.pop("as", None)
    kind = JUDGES.get(settings.pop("name"), "--combine")
    if not issubclass(kind, MixtureJudge):
        raise ConfigurationError(
            f"{kind.id} combines no scores.", where="--combine", fix="Use ensemble or weighted, with their keys."
        )
    return kind(judges, **settings)


def _show(found: Judged, judges: dict[str, NamedJudge], bad: list[Any]) -> None:
    from rich.table import Table

    table = Table("judge", "figure", "value", "95 % interval")
    for name, figures in found.summary().items():
        for figure, value in figures.items():
            if isinstance(value, int):
                table.add_row(name, figure, f"{value:,}", "")
            else:
                table.add_row(name, figure, f"{value.value:.4f}", f"[{value.low:.4f}, {value.high:.4f}]")
        stored = getattr(judges[name].judge, "found", 0) if name in judges else 0
        if stored:
            table.add_row(name, "found in the cache", f"{stored:,}", "")
    make_console(highlight=False, stderr=True).print(table)
    if bad:
        echo(f"{len(bad)} bad records were skipped. The first: {bad[0]}", err=True)


def _field(by: str | None, sections: str | None) -> str | None:
    """The field of the subsets; checked before anything is judged."""
    if sections is None:
        return by
    from penchant.evaluation.judges.subsets import read_sections

    read_sections(sections)
    return by or "subset"


def _subsets(found: Judged, by: str, sections: str | None) -> dict[str, Subsets]:
    """Ranking accuracy of each judge by subset, shown as a table."""
    from rich.table import Table

    from penchant.evaluation.judges.subsets import by_subset, read_sections

    chosen = None if sections is None else read_sections(sections)
    result = {name: by_subset(found.feedback, found.ranked_by(name), by, chosen) for name in found.summary()}
    table = Table("judge", by, "records", "accuracy", "95 % interval")
    for name, each in result.items():
        for subset, value in each.accuracy.items():
            table.add_row(
                name, subset, f"{each.records[subset]:,}", f"{value.value:.4f}", f"[{value.low:.4f}, {value.high:.4f}]"
            )
        for section, mean in each.sections.items():
            table.add_row(name, f"section {section}", "", f"{mean:.4f}", "")
        for title, number in (("all sections", each.overall), ("ties, weighted", each.ties)):
            if number is not None:
                table.add_row(name, title, "", f"{number:.4f}", "")
        if any(each.unread.values()):
            table.add_row(name, "not ranked", f"{sum(each.unread.values()):,}", "", "")
    make_console(highlight=False, stderr=True).print(table)
    return result


def _plain_figures(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: each if isinstance(each, int) else asdict(each) for name, each in figures.items()}
