"""``penchant coala``: a convex head on the frozen features of a language model, as a judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from penchant.cli.options import BadRecords, ChatTemplate, JsonFile, Overwrite, Renamed, Split, TrustRemoteCode
from penchant.cli.words import parse_mapping
from penchant.targets import claim_file
from penchant.terminal import echo, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.rewards.convex.training import TrainedHead

__all__ = ["coala"]


def coala(
    data: Annotated[str, typer.Option(help="File of comparisons.")],
    model: Annotated[str, typer.Option(help="Frozen language model: folder or hub id.")],
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="Folder of the head.")],
    eval_data: Annotated[str | None, typer.Option(help="Held-out comparisons; default: a share of the data.")] = None,
    held_out: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the prompts that is held out.")] = 0.1,
    gates: Annotated[int, typer.Option(min=1, help="Random directions of the gate patterns.")] = 2,
    penalty: Annotated[
        float | None,
        typer.Option(help="Weight of the neurons' norms (> 0); default: a 200th of what leaves no neuron."),
    ] = None,
    rho: Annotated[
        float | None, typer.Option(help="Penalty of ADMM (> 0); default: a 300th of the number of responses.")
    ] = None,
    iterations: Annotated[int, typer.Option(min=1, help="Iterations of ADMM, at most.")] = 100,
    beta: Annotated[float, typer.Option(help="Scale of the score (> 0).")] = 1.0,
    gamma: Annotated[float, typer.Option(help="Margin that a score must exceed.")] = 0.0,
    ridge: Annotated[float, typer.Option(help="Ridge of the second phase (> 0).")] = 1e-3,
    linear_gates: Annotated[
        bool, typer.Option("--linear-gates/--no-linear-gates", help="Gates in the directions of a linear head, too.")
    ] = True,
    pooling: Annotated[Literal["mean", "last"], typer.Option(help="Of the states of a response.")] = "mean",
    seed: Annotated[int, typer.Option(min=0, help="Of the gates and of what is held out.")] = 0,
    overwrite: Overwrite = False,
    json_out: JsonFile = None,
    chat_template: ChatTemplate = None,
    on_bad: BadRecords = "stop",
    split: Split = None,
    map_: Renamed = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Train a head on the frozen features of a model by two convex problems; it is a judge (arXiv 2605.23244)."""
    inputs = [data, eval_data, model]
    files = {"--out": out / "coala.json"} | ({} if json_out is None else {"--json": json_out})
    for option, file in files.items():
        claim_file(file, option=option, overwrite=overwrite, inputs=inputs)
    from penchant.feedback.reading import read
    from penchant.rewards.convex.head import HeadSettings
    from penchant.rewards.convex.training import split_by_prompt, train_head

    settings = HeadSettings(gates, penalty, rho, iterations, beta, gamma, ridge, seed=seed, linear_gates=linear_gates)
    reading = {"mapping": parse_mapping(map_), "split": split, "on_bad": on_bad}
    records = list(read(data, **reading))  # type: ignore[arg-type]
    held = [] if eval_data is None else list(read(eval_data, **reading))  # type: ignore[arg-type]
    if eval_data is None:
        records, held = split_by_prompt(records, held_out, seed)
    found = train_head(model, records, held, settings, pooling=pooling, chat_template=chat_template)
    found.head.save(out)
    _show(found, out)
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The figures", fix="Choose another path for --json.")


def _show(found: TrainedHead, out: Path) -> None:
    from rich.table import Table

    table = Table(title=f"A head on {found.pairs} pairs")
    table.add_column("quantity")
    table.add_column("value", justify="right")
    for name, value in found.as_dict().items():
        if value is not None:
            table.add_row(name, f"{value:.6g}")
    make_console(highlight=False).print(table)
    echo(f"Head: {out}. Next: penchant judge FILE --judge {out} --out judged.jsonl")
