"""``penchant personal-judges``: one reward model for all annotators, and one for each."""

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
from penchant.terminal import counted

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.training.people.personal import PersonalJudges

__all__ = ["personal_judges"]

_READING = (
    "Share of an annotator's held-out pairs that a reward model ranks as the annotator does: 0 to 100 %, 50 % is "
    "chance, higher is better. For all: trained on the majority's labels. As many pairs: on as many of them as "
    "one annotator has on average. Own: on the annotator's own pairs. In brackets 95 % intervals: of the mean, "
    "Student's over annotators, which says little for two or three of them. Agreement is Krippendorff's α: 1 is "
    "full agreement, 0 is chance; near 1, judges of one's own learn nothing else."
)


def personal_judges(
    model: Annotated[str, typer.Option(help="The model that all start from: folder or hub id.")],
    data: Annotated[str, typer.Option(help="Comparisons with an annotator: file, saved datasets folder, or hub id.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the runs.")],
    annotator: Annotated[str, typer.Option(help="Field that names the annotator.")] = "annotator",
    grade: Annotated[str | None, typer.Option(help="Field with how much better, for the agreement.")] = None,
    least: Annotated[int, typer.Option(min=1, help="Fewest pairs of an annotator who gets a judge.")] = 4,
    held_out: Annotated[float, typer.Option(min=0.01, max=0.99, help="Share of the prompts that is measured.")] = 0.25,
    learning_rate: Annotated[float, typer.Option(help="Of the judges for all.")] = 1e-4,
    own_learning_rate: Annotated[float | None, typer.Option(help="Of the judges of one; default: the same.")] = None,
    rank: Annotated[int, typer.Option(min=0, help="Rank of each one's adapter (LoRA); 0 trains all weights.")] = 0,
    epochs: Annotated[float, typer.Option(help="Passes over the training pairs.")] = 1.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Pairs of a step.")] = 16,
    max_length: Annotated[int | None, typer.Option(help="Maximum tokens of prompt and response together.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the split and of the runs.")] = 0,
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
    split: Split = None,
    map_: Renamed = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Train a reward model on the majority's labels and one for each annotator; show who is judged better by which."""
    from penchant.cli.words import parse_mapping
    from penchant.targets import claim_files

    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=[data, model])
    from penchant.training.people.personal import personal_judges as study

    recipe: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "overwrite": overwrite}
    recipe |= {"max_length": max_length, "chat_template": chat_template, "learning_rate": learning_rate}
    personal: dict[str, Any] = {"learning_rate": own_learning_rate, "lora": {"rank": rank} if rank else None}
    found = study(
        model,
        data,
        output,
        annotator=annotator,
        grade=grade,
        held_out=held_out,
        least=least,
        seed=seed,
        personal={name: value for name, value in personal.items() if value is not None},
        reading={"split": split, "mapping": parse_mapping(map_), "on_bad": on_bad},
        **{name: value for name, value in recipe.items() if value is not None},
    )
    title, subject = "Judges for all and for each", f"{model} on {data}"
    show_table(*_tabled(found), title, subject, html, json_out, found.as_dict(), lead=_READING)


def _tabled(found: PersonalJudges) -> tuple[Table, str]:
    """The table of accuracies by annotator, and how far the annotators agree."""
    from rich.table import Table

    from penchant.training.people.personal import ARMS

    titles = {"all": "for all", "as many": "as many pairs", "own": "own"}
    table = Table("annotator", title="Held-out pairs ranked right, 95 % interval", title_justify="left")
    for name in ("own pairs", "tested", *titles.values()):
        table.add_column(name, justify="right")
    for name, tested in found.tested.items():
        shown = [_shown(found.of(arm, name)) for arm in ARMS]
        table.add_row(name, str(found.trained[name]), str(tested), *shown)
    table.add_row("their mean", "", "", *(_shown(found.macro(arm)) for arm in ARMS))
    counts = f"{found.trained['all']} majority labels, {found.trained['as many']} of them in the second judge."
    alpha = "no pair has two labels" if found.agreement != found.agreement else f"α = {found.agreement:.2f}"
    missing = ", ".join(f"{name} ({counted(pairs, 'training pair')})" for name, pairs in found.left_out.items())
    without = f" No judge, for want of pairs (--least, or none held out): {missing}." if missing else ""
    return table, f"Agreement of the annotators: {alpha}. {counts}{without}"


def _shown(interval: Any) -> str:
    return f"{100 * interval.value:.0f} % ({100 * interval.low:.0f} to {100 * interval.high:.0f})"
