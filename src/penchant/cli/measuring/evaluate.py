"""``penchant evaluate``: what a judge says of checkpoints, against their reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.judge_words import JudgeOption, parse_judge
from penchant.cli.options import BadRecords, ChatTemplate, JsonFile, Overwrite, Renamed, Split, TrustRemoteCode
from penchant.cli.words import pairs, parse_mapping
from penchant.errors import ConfigurationError
from penchant.targets import claim_file
from penchant.terminal import echo, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.evaluation.policies.judging import Judged

__all__ = ["evaluate"]


def evaluate(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders, model folders or hub ids.")],
    data: Annotated[str, typer.Option(help="File with the prompts, and with what the judge reads.")],
    judge: JudgeOption,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Setting of the judge: model=FOLDER.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Model to compare with; default: the one that the runs started from.")
    ] = None,
    prompts: Annotated[int, typer.Option(min=1, help="Maximum number of prompts.")] = 200,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of a response.")] = 128,
    temperature: Annotated[float, typer.Option(min=0, help="Sampling temperature; 0 for greedy decoding.")] = 0.7,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    device: Annotated[str, typer.Option(help="Device of the models.")] = "cpu",
    chat_template: ChatTemplate = None,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Sample responses of checkpoints and of their reference, and measure win rates with a judge."""
    from penchant.evaluation.policies.checkpoints import find_checkpoint, find_reference

    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[data, *runs, reference])
    checkpoints = [find_checkpoint(run) for run in runs]
    against = find_reference(reference, checkpoints)
    from penchant.evaluation.policies.judging import judged_checkpoints
    from penchant.feedback.reading import read
    from penchant.generation.responses import Sampling
    from penchant.rewards.registry import build_judge

    feedback = read(data, mapping=parse_mapping(map_), split=split, on_bad=on_bad)  # type: ignore[arg-type]
    records = list({repr(record.prompt): record for record in feedback}.values())[:prompts]
    built = build_judge({**parse_judge(judge), **pairs(set_ or [], "--set")}, records, device)
    if built is None:
        raise ConfigurationError(f"The judge {judge!r} never scores.", where="--judge", fix="Name another judge.")
    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature)
    found = judged_checkpoints(
        checkpoints,
        against,
        records,
        built,
        sampling,
        chat_template=chat_template,
        seed=seed,
        device=device,
        say=lambda text: echo(text, err=True),
    )
    _show(found, len(records), against)
    if json_out is not None:
        write_json(json_out, [each.as_dict() for each in found], "The evaluation")


def _show(found: list[Judged], prompts: int, reference: str) -> None:
    from rich.table import Table

    from penchant.cli.narrow import print_fitted

    table = Table(title=f"{prompts} prompts, against {reference}")
    for heading in ("checkpoint", "win rate, %", "95 %", "score", "characters"):
        table.add_column(heading, justify="left" if heading == "checkpoint" else "right")
    for each in found:
        wins, interval = ("", "")
        if each.wins is not None:
            between = each.wins.interval
            wins, interval = f"{each.wins.rate:.1f}", f"{between.low:.1f} to {between.high:.1f}"
        score = "" if each.score is None else f"{each.score:.3f}"
        table.add_row(each.name, wins, interval, score, f"{each.length:.0f}")
    first = found[0]
    score = "" if first.reference_score is None else f"{first.reference_score:.3f}"
    table.add_row("reference", "50.0", "", score, f"{first.reference_length:.0f}")
    console = make_console(highlight=False)
    print_fitted(console, table)
    for each in found:
        if each.unread:
            console.print(f"{each.name}: the judge could not compare {each.unread} of {prompts} pairs.", markup=False)
