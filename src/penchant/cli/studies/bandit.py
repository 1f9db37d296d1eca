"""``penchant lab bandit``: what finds a peak of reward, near or far from where a policy starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from penchant.cli.options import HtmlFile, JsonFile, Overwrite
from penchant.cli.studies.options import Seed
from penchant.targets import claim_files
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.lab.worlds.bandit.study import Arm

__all__ = ["bandit"]

_Algorithms = Annotated[
    Optional[list[str]],  # noqa: UP045 - what typer reads in every version
    typer.Option("--method", help="Algorithm; repeat for several. Default: all."),
]
_READING = (
    "Expected reward at the end, in [0, 1]. Each cell: without and with a negative gradient (bad samples are pushed "
    "down). All arms see as many samples; columns say how often the policy that is sampled is the one in training."
)


def bandit(
    method: _Algorithms = None,
    peak: Annotated[Literal["far", "near", "both"], typer.Option(help="Where the reward is highest.")] = "both",
    width: Annotated[float, typer.Option(min=0.1, help="Of the peak, in actions: 10, 20 or 30 in the paper.")] = 10.0,
    epochs: Annotated[int, typer.Option(min=1, help="Batches of samples.")] = 100,
    seed: Seed = 0,
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare algorithms on a bandit by two axes: how often samples are drawn anew, and the negative gradient."""
    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=[])
    from penchant.cli.narrow import as_texts, print_fitted
    from penchant.evaluation.report.table_page import write_table
    from penchant.lab.worlds.bandit.algorithms import ALGORITHMS
    from penchant.lab.worlds.bandit.study import Study, run_bandit

    places = ("far", "near") if peak == "both" else (peak,)
    names = tuple(method or ALGORITHMS)
    studies = [Study(peak=place, width=width, algorithms=names, epochs=epochs) for place in places]
    found = {study.peak: run_bandit(study, seed) for study in studies}
    table = _tabled(found)
    console = make_console(highlight=False)
    print_fitted(console, table)
    console.print(_READING, markup=False)
    if html is not None:
        write_table(html, "A bandit, near and far", f"seed {seed}, width {width:g}", as_texts(table), lead=_READING)
    if json_out is not None:
        rows = [{"peak": place, **vars(arm)} for place, arms in found.items() for arm in arms]
        write_json(json_out, {"seed": seed, "studies": [each.as_dict() for each in studies], "arms": rows}, "The study")


def _tabled(found: dict[str, list[Arm]]) -> Table:
    """One row for each peak and algorithm."""
    from rich.table import Table

    first = next(iter(found.values()))
    frequencies = list(dict.fromkeys(arm.every for arm in first))
    table = Table(title="Expected reward, without / with negative gradient", title_justify="left")
    for heading in ("peak", "algorithm", "start"):
        table.add_column(heading)
    for every in frequencies:
        table.add_column("never resampled" if not every else f"every {every}" if every > 1 else "every epoch")
    for place, arms in found.items():
        for name in dict.fromkeys(arm.algorithm for arm in arms):
            own = [arm for arm in arms if arm.algorithm == name]
            cells = [" / ".join(f"{arm.reward:.3f}" for arm in own if arm.every == every) for every in frequencies]
            table.add_row(place, name, f"{own[0].start:.3f}", *cells)
    return table
