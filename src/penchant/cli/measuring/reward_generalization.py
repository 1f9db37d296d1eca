"""``penchant reward-generalization``: explicit and implicit reward, trained on the same pairs, under shifts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.measuring.shown import show_table
from penchant.cli.options import (
    BadRecords,
    ChatTemplate,
    HtmlFile,
    JsonFile,
    Overwrite,
    Renamed,
    Split,
    TrustRemoteCode,
)

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.training.reward_generalization import RewardStudy

__all__ = ["reward_generalization"]


def reward_generalization(
    model: Annotated[str, typer.Option(help="The model that both start from: folder or hub id.")],
    data: Annotated[str, typer.Option(help="Comparisons: file, saved datasets folder, or hub id.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the runs.")],
    shifted: Annotated[list[str] | None, typer.Option(help="Comparisons from another distribution.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds.")] = 3,
    learning_rate: Annotated[list[float] | None, typer.Option(help="To choose from; repeat it.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the training pairs.")] = 1.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Pairs of a step.")] = 16,
    max_length: Annotated[int | None, typer.Option(help="Maximum tokens of prompt and response together.")] = None,
    split: Split = None,
    map_: Renamed = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Train a reward model (bt) and a policy (dpo) on the same pairs; compare their rewards under five shifts."""
    from penchant.cli.words import parse_mapping
    from penchant.targets import claim_files

    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=[data, model, shifted])
    from penchant.training.reward_generalization import reward_generalization as study

    recipe: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "overwrite": overwrite}
    recipe |= {"max_length": max_length, "chat_template": chat_template}
    found = study(
        model,
        data,
        output,
        further={Path(each).name: each for each in shifted or ()},
        seeds=range(seeds),
        learning_rates=learning_rate or [1e-4],
        reading={"split": split, "mapping": parse_mapping(map_), "on_bad": on_bad},
        **{name: value for name, value in recipe.items() if value is not None},
    )
    show_table(*_tabled(found), "Explicit and implicit rewards", f"{model} on {data}", html, json_out, found.as_dict())


def _tabled(found: RewardStudy) -> tuple[Table, str]:
    """The table of accuracies, and what follows from it."""
    from rich.table import Table

    from penchant.statistics import student_interval

    table = Table("set", title=f"Pairs ranked right, mean of {len(found.seeds)} seeds", title_justify="left")
    for name in ("pairs", "explicit", "implicit", "explicit − implicit"):
        table.add_column(name, justify="right")
    for row in found.rows():
        shown = f"{100 * row['drop']:+.1f}"
        if len(row["drops"]) > 1:
            interval = student_interval(row["drops"])
            shown += f" ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"
        accuracies = (f"{100 * row[kind]:.1f} %" for kind in ("explicit", "implicit"))
        table.add_row(row["set"], str(row["pairs"]), *accuracies, shown)
    figures = found.as_dict()
    line = f"Under shifts: mean {100 * figures['mean_drop']:+.1f}, largest {100 * figures['max_drop']:+.1f} points."
    return table, line
