"""``penchant recommend``: from interactions of users to measured lists of items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import BadRecords, HtmlFile, JsonFile, Overwrite, TrustRemoteCode
from penchant.targets import claim_files
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.evaluation.recommendation.measuring import Measured, Users

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Recommend items with a language model: prepare interactions, list items, measure lists.",
)

Length = Annotated[int, typer.Option("--k", "-k", min=1, help="Items of a list.")]
Beams = Annotated[int, typer.Option(min=0, help="Beams of the search; default: ten more than a list has items.")]


@app.callback()
def recommend() -> None:
    """Recommend items with a language model: prepare interactions, list items, measure lists."""


@app.command()
def prepare(
    interactions: Annotated[
        str, typer.Argument(metavar="FILE", help="Rows with user and items, or with user, item and time.")
    ],
    output: Annotated[Path, typer.Option("--output", "--out", "-o", help="Folder to write.")],
    catalogue: Annotated[
        str | None, typer.Option(help="File of items with texts (item, text); default: codes for the items.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model whose vocabulary gets the codes; default: a small one from scratch.")
    ] = None,
    tokens: Annotated[int, typer.Option(help="Tokens of a code; with 1 every item has its own.")] = 2,
    codes: Annotated[
        str, typer.Option(help="similar: items of the same users begin alike; random: codes by chance.")
    ] = "similar",
    width: Annotated[int, typer.Option(help="Width of a model from scratch, a multiple of 32.")] = 64,
    layers: Annotated[int, typer.Option(help="Layers of a model from scratch.")] = 2,
    valid_share: Annotated[float, typer.Option(help="Share of the training users to tune on.")] = 0.05,
    test_share: Annotated[
        float, typer.Option(help="Share of the users to measure on, if no column split says it.")
    ] = 0.1,
    on_bad: BadRecords = "stop",
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Write a catalogue, files of feedback and a model that knows the items, from interactions."""
    from penchant.curation.recommendation.preparation import FILES, Plan, prepare

    plan = Plan(catalogue, model, tokens, codes, width, layers, valid_share, test_share, on_bad, seed)
    found = prepare(interactions, output, plan)
    _print_table(("what", "count"), [(name, f"{number:,}") for name, number in found.counts.items() if number])
    for name, use in {**FILES, "model": "knows the tokens of the items"}.items():
        if (output / name).exists():
            echo(f"{output / name}: {use}")
    for part, purpose in (("test", "measure"), ("valid", "tune")):
        if not found.counts[f"users to {part}"]:
            echo(
                f"No users to {purpose} on: give more users or a larger --{part}-share, or name them in a column "
                "'split'."
            )


@app.command()
def top(
    model: Annotated[str, typer.Option(help="Folder of a model or a run, or hub id.")],
    items: Annotated[str, typer.Option(help="File of the catalogue: rows with item and text.")],
    users: Annotated[str, typer.Option(help="Interactions of the users: user and items, or user, item and time.")],
    output: Annotated[Path, typer.Option("--output", "--out", "-o", help="JSONL file to write.")],
    k: Length = 10,
    beams: Beams = 0,
    seen: Annotated[bool, typer.Option("--seen", help="Also recommend what a user already has.")] = False,
    on_bad: BadRecords = "stop",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Write the most likely items of each user, none twice and none that is not in the catalogue."""
    from penchant.curation.rows import Built, require_free
    from penchant.evaluation.recommendation.measuring import places_of
    from penchant.feedback.interactions import read_histories
    from penchant.generation.catalogue import read_items
    from penchant.generation.recommender import load_recommender

    require_free(output, overwrite)
    known, read = read_items(items), read_histories(users)
    places = places_of(read, known, items, skip=on_bad == "skip")
    asked = [(each, found) for each, found in zip(read, places, strict=True) if found or on_bad != "skip"]
    recommender = load_recommender(model, known)
    lists = recommender.top([found for _, found in asked], k, beams=beams, seen=seen)
    rows = [
        {"user": each.user, "items": [known[place].id for place in best]}
        for (each, _), best in zip(asked, lists, strict=True)
    ]
    Built(rows, {"users": len(read)}).write(output, overwrite=overwrite)
    left = f"; {len(read) - len(rows)} without a known item left out" if len(rows) < len(read) else ""
    short = sum(len(best) < k for best in lists)
    fewer = f"; {short} shorter than {k}, since those users have nearly all items" if short else ""
    echo(f"{len(rows)} lists written to {output}{left}{fewer}")


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `penchant recommend prepare` wrote.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Folder of a model or a run, or hub id; may be repeated.")
    ] = None,
    k: Length = 10,
    beams: Beams = 0,
    users: Annotated[str, typer.Option(help="Users to measure on: test, or valid to tune on.")] = "test",
    baselines: Annotated[
        str,
        typer.Option(
            help="Recommenders to compare with, by commas; none for none. self-attention trains a SASRec-like network."
        ),
    ] = "random,popularity,item-knn,factorisation",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of chance and of the bootstrap.")] = 0,
    lists: Annotated[
        Path | None, typer.Option(help="New folder for the lists of each recommender, for penchant recommend-metrics.")
    ] = None,
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Measure recommended lists against what users took next: Hit@k, NDCG@k, MRR, coverage, novelty."""
    from penchant.cli.data import write_json
    from penchant.errors import ConfigurationError, OutputError
    from penchant.evaluation.recommendation.measuring import measure, read_folder

    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=model or [])
    if lists is not None and lists.exists():
        raise OutputError("The folder already exists.", where=str(lists), fix="Give another --lists, or remove it.")
    if users not in ("test", "valid"):
        raise ConfigurationError(f"--users is {users!r}, expected test or valid.")
    names = [] if baselines == "none" else [name.strip() for name in baselines.split(",") if name.strip()]
    asked = read_folder(folder, users)
    found = measure(
        asked,
        model or [],
        names,
        k=k,
        beams=beams,
        seed=seed,
        progress=lambda name: echo(f"Measuring {name}", err=True),
    )
    _print_measured(found, k)
    if lists is not None:
        _write_lists(found, asked, lists)
    if html is not None:
        from penchant.evaluation.report.recommendation_page import write_recommendation

        write_recommendation(found, html, k, f"The next item of {found.users:,} {users} users of {folder}")
    if json_out is not None:
        write_json(json_out, found.to_json())


def _write_lists(found: Measured, users: Users, folder: Path) -> None:
    """A file for each recommender, named after its folder, or after the whole path where two would be alike."""
    from penchant.curation.rows import Built

    short = {name: Path(name).resolve().name for name in found.lists}
    for name, lists in found.lists.items():
        alike = sum(each == short[name] for each in short.values()) > 1
        stem = "-".join(Path(name).parts[Path(name).is_absolute() :]) if alike else short[name]
        rows = [
            {"user": user, "items": [users.items[place].id for place in best]}
            for user, best in zip(users.names, lists, strict=True)
        ]
        Built(rows).write(folder / f"{stem.replace('.', '-')}.jsonl")
    echo(f"Lists of {len(found.lists)} recommenders: {folder}")


def _print_measured(found: Measured, k: int) -> None:
    from penchant.evaluation.report.recommendation_page import compared_lines, list_rows

    _print_table(*list_rows(found, k), f"The next item of {found.users:,} users")
    for line in compared_lines(found, k):
        echo(line)


def _print_table(heading: tuple[str, ...], rows: list[tuple[str, ...]], title: str | None = None) -> None:
    from rich.table import Table

    table = Table(*heading, title=title)
    table.columns[0].overflow = "fold"  # names of models that are cut cannot be told apart
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*row)
    make_console().print(table)
