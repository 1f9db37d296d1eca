"""``penchant levi``: heads on several layers of a frozen language model beside a small model, as a judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.cli.options import BadRecords, ChatTemplate, JsonFile, Overwrite, Renamed, Split, TrustRemoteCode
from penchant.cli.words import parse_mapping
from penchant.errors import ConfigurationError
from penchant.locks import working_in
from penchant.targets import claim_file
from penchant.terminal import echo, make_console
from penchant.writing import write_json

__all__ = ["levi"]


def levi(
    data: Annotated[str, typer.Option(help="File of comparisons, or of judgements.")],
    model: Annotated[str, typer.Option(help="Frozen language model: folder or hub id, tuned or not.")],
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="Folder of the ensemble.")],
    eval_data: Annotated[str | None, typer.Option(help="Held-out records; default: a share of the data.")] = None,
    other_data: Annotated[
        str | None, typer.Option(help="Records from elsewhere: how far the ensemble reaches beyond its data.")
    ] = None,
    held_out: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the prompts that is held out.")] = 0.1,
    layers: Annotated[
        str | None, typer.Option(metavar="1,2,...", help="Layers that get a head, from 1; default: four, evenly.")
    ] = None,
    small: Annotated[int, typer.Option(min=0, help="Width of the small model (even); 0 for none.")] = 32,
    hidden: Annotated[int, typer.Option(min=0, help="Width of the adapting layers; 0 for linear heads.")] = 64,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = 10,
    learning_rate: Annotated[float, typer.Option(help="Of AdamW (> 0).")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Of AdamW (at least 0).")] = 0.01,
    batch_size: Annotated[int, typer.Option(min=1, help="Records a step.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Of the start, the order, and what is held out.")] = 0,
    chat_template: ChatTemplate = None,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Train heads on several layers of a frozen model, beside a small model; they are a judge (arXiv 2402.04644).

    A stopped training goes on when the same command is given again.
    """
    files = {"--out": out / "levi.json", "--json": json_out}
    for option, file in files.items():
        if file is not None:
            claim_file(file, option=option, overwrite=overwrite, inputs=[data, eval_data, other_data, model])
    numbers = _numbers(layers)
    from penchant.feedback.reading import read
    from penchant.rewards.convex.training import split_by_prompt
    from penchant.rewards.layered.fitting import LayeredSettings
    from penchant.rewards.layered.kept import clear_kept
    from penchant.rewards.layered.training import train_layered

    settings = LayeredSettings(small, hidden, epochs, learning_rate, weight_decay, batch_size, seed)
    reading: dict[str, Any] = {"mapping": parse_mapping(map_), "split": split, "on_bad": on_bad}
    sets = {name: list(read(file, **reading)) for name, file in (("data", data), ("held-out", eval_data)) if file}
    own = sets["data"]
    if eval_data is None:
        own, sets["held-out"] = split_by_prompt(own, held_out, seed)
    others = {"held-out": sets["held-out"], "elsewhere": list(read(other_data, **reading)) if other_data else []}
    with working_in(out, "The folder of the ensemble", "Choose another folder with --out."):
        found = train_layered(model, own, others, settings, layers=numbers, chat_template=chat_template, keep=out)
        found.layered.save(out)
        clear_kept(out)
    _show(found.as_dict(), out)
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The figures", fix="Choose another path for --json.")


def _numbers(words: str | None) -> list[int] | None:
    try:
        return None if words is None else [int(each) for each in words.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"The layers are {words!r}.", where="--layers", fix="Give numbers, for example --layers 2,4,6."
        ) from None


def _show(figures: dict[str, float], out: Path) -> None:
    from rich.table import Table

    table = Table(title="LEVI: heads on several layers")
    table.add_column("quantity")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:.6g}")
    make_console(highlight=False).print(table)
    echo(f"Ensemble: {out}. Next: penchant judge FILE --judge {out} --out judged.jsonl")
