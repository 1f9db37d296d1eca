"""``penchant judge``: what judges say of the responses in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.judge_words import parse_judge
from penchant.cli.options import (
    AllowOutside,
    BadRecords,
    DataFile,
    Overwrite,
    RecordKind,
    Renamed,
    Split,
    TrustRemoteCode,
)
from penchant.cli.words import parse_mapping
from penchant.errors import ConfigurationError
from penchant.targets import claim_file
from penchant.terminal import echo, make_console
from penchant.writing import write_rows

if TYPE_CHECKING:
    from penchant.curation.judged_file import Judged
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


def judge(
    file: DataFile,
    judge_: Judges,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSONL file: the records with a column judgements.")],
    combine: Combine = None,
    preferences: Annotated[
        bool, typer.Option("--preferences", help="Also write the probability that one response is preferred.")
    ] = False,
    fields: Fields = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...; default: a GPU if there is one.")] = None,
    cache: Annotated[bool, typer.Option(help="Keep judgements on disk, so that a stopped command goes on.")] = True,
    split: Split = None,
    map_: Renamed = None,
    kind: RecordKind = None,
    on_bad: BadRecords = "stop",
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Let judges score or compare the responses of a file, and write what they say beside its records."""
    settings = [parse_judge(each) for each in judge_]
    claim_file(out, option="--out", overwrite=overwrite, inputs=[file, *judge_, *settings])
    names = _names(settings, combine)
    if fields is not None and fields not in names:
        raise ConfigurationError(
            f"There are no judgements named {fields!r}.", where="--fields", fix=f"Name one of: {', '.join(names)}."
        )
    from penchant.curation.judged_file import judge_records, read_responses
    from penchant.training.progress import ProgressReporter

    feedback = read_responses(file, mapping=parse_mapping(map_), split=split, kind=kind, on_bad=on_bad)
    judges = _built(dict(zip(names, settings, strict=False)), feedback, device, cache)
    mixture = None if combine is None else (names[-1], _mixture(combine, list(judges.values())))
    reporter = ProgressReporter()
    try:
        with reporter.bar("Judging", len(feedback) * len(judges)):
            found = judge_records(
                feedback,
                judges,
                combined=mixture,
                preferences=preferences,
                progress=lambda name, done, total: reporter.advance(
                    total * list(judges).index(name) + done, total * len(judges), name
                ),
            )
    except BaseException:
        if any(getattr(each, "made", 0) for each in judges.values()):
            echo("The judgements so far are kept: the same command goes on from there.", err=True)
        raise
    write_rows(out, found.rows(fields), "The judgements")
    _show(found, judges, feedback.bad)
    echo(f"{len(feedback)} records written to {out}")


def _names(settings: list[dict[str, Any]], combine: str | None) -> list[str]:
    """What the judgements of each judge are called: by ``as``, else its name, with a number where two are alike."""
    names: list[str] = []
    for each in settings:
        wanted = str(each.pop("as", each["name"]))
        alike = sum(name == wanted or name.startswith(f"{wanted}-") for name in names)
        names.append(f"{wanted}-{alike + 1}" if alike else wanted)
    if combine is not None:
        names.append(str(parse_judge(combine, "--combine").get("as", "combined")))
    if len(set(names)) < len(names):
        raise ConfigurationError(f"Two judges are named {names[-1]!r}.", where="--judge", fix="Name one with as=WORD.")
    return names


def _built(settings: dict[str, dict[str, Any]], records: Any, device: str | None, cache: bool) -> dict[str, Judge]:
    import torch

    from penchant.rewards.judgement_cache import cached
    from penchant.rewards.registry import build_judge

    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    found: dict[str, Judge] = {}
    for name, own in settings.items():
        made = build_judge(own, records, where)
        if made is None:
            raise ConfigurationError("The judge 'none' judges nothing.", where="--judge")
        found[name] = cached(made) if cache else made
    return found


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


def _show(found: Judged, judges: dict[str, Judge], bad: list[Any]) -> None:
    from rich.table import Table

    table = Table("judge", "figure", "value", "95 % interval")
    for name, figures in found.summary().items():
        for figure, value in figures.items():
            if isinstance(value, int):
                table.add_row(name, figure, f"{value:,}", "")
            else:
                table.add_row(name, figure, f"{value.value:.4f}", f"[{value.low:.4f}, {value.high:.4f}]")
        stored = getattr(judges.get(name), "found", 0)
        if stored:
            table.add_row(name, "found in the cache", f"{stored:,}", "")
    make_console(highlight=False).print(table)
    if bad:
        echo(f"{len(bad)} bad records were skipped. The first: {bad[0]}", err=True)
