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

    from penchant.evaluation.report.curves import Chart
    from penchant.training.reward_generalization import RewardStudy

__all__ = ["reward_generalization"]

_READING = (
    "Share of pairs that are ranked right, mean over seeds: 0 to 100 %, 50 % is chance, higher is better. "
    "Explicit: by the trained reward model; implicit: by the log-ratio of the policy that was trained on the same "
    "pairs. Their difference is in points, with Student's 95 % interval over seeds: above 0 the reward model "
    "generalises better, an interval that holds 0 decides nothing. It does not say how much a set of few pairs "
    "changes by chance."
)


def reward_generalization(
    model: Annotated[str, typer.Option(help="The model that both start from: folder or hub id.")],
    data: Annotated[str, typer.Option(help="Comparisons: file, saved datasets folder, or hub id.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the runs.")],
    shifted: Annotated[list[str] | None, typer.Option(help="Comparisons from another distribution.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds.")] = 3,
    learning_rate: Annotated[list[float] | None, typer.Option(help="To choose from; repeat it.")] = None,
    beta: Annotated[list[float] | None, typer.Option(help="Of the policy (dpo), to choose from; repeat it.")] = None,
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
        betas=beta or [0.1],
        reading={"split": split, "mapping": parse_mapping(map_), "on_bad": on_bad},
        **{name: value for name, value in recipe.items() if value is not None},
    )
    title, subject = "Explicit and implicit rewards", f"{model} on {data}"
    show_table(
        *_tabled(found), title, subject, html, json_out, found.as_dict(), lead=_READING, charts=lambda: _drawn(found)
    )


def _tabled(found: RewardStudy) -> tuple[Table, str]:
    """The table of accuracies, and what follows from it."""
    from rich.table import Table

    from penchant.statistics import student_interval

    table = Table("set", title=f"Pairs ranked right, mean of {len(found.seeds)} seeds", title_justify="left")
    for name in ("pairs", "explicit", "implicit", "explicit − implicit"):
        table.add_column(name, justify="right")
    for row in found.rows():
        shown = _points(row["drop"])
        if len(row["drops"]) > 1:
            interval = student_interval(row["drops"]).within(-1.0, 1.0)
            shown += f" ({_points(interval.low)} to {_points(interval.high)})"
        accuracies = (f"{100 * row[kind]:.1f} %" for kind in ("explicit", "implicit"))
        table.add_row(row["set"], str(row["pairs"]), *accuracies, shown)
    figures = found.as_dict()
    mean, largest = _points(figures["mean_drop"]), _points(figures["max_drop"])
    return table, f"Explicit less implicit under shifts: mean {mean}, largest {largest} points."


def _drawn(found: RewardStudy) -> list[Chart]:
    """Both accuracies by set."""
    from penchant.evaluation.report.diagnosis_charts import reward_chart

    rows = found.rows()
    figures = {f"{kind}/{row['set']}": row[kind] for row in rows for kind in ("explicit", "implicit")}
    return [reward_chart(figures, [row["set"] for row in rows])]


def _points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}".replace("-", "−")
