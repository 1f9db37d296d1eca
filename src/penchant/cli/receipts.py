"""``penchant receipts``: check the methods against published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from penchant.cli.options import Overwrite
from penchant.targets import claim_file
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.receipts.checking import Receipt

__all__ = ["receipts"]


def receipts(
    files: Annotated[list[Path], typer.Argument(help="JSON files, each a list of cases.")],
    json: Annotated[
        Optional[Path],  # noqa: UP045 - what typer reads in every version
        typer.Option("--json", help="Also write the result of each case to this JSON file."),
    ] = None,
    overwrite: Overwrite = False,
    record: Annotated[
        bool, typer.Option("--record", help="Write the agreement to the record in the package; for maintainers.")
    ] = False,
) -> None:
    """Evaluate the methods on published cases and compare with the published numbers.

    Exit code 0 if all built methods agree, 1 if one differs or fails.
    """
    if json is not None:
        claim_file(json, option="--json", makes_folder=False, overwrite=overwrite, inputs=files)
    from penchant.receipts.checking import check_file

    by_file: dict[str, list[Receipt]] = {}
    for path in files:
        by_file.setdefault(path.stem, []).extend(check_file(path))
    found = [each for checked in by_file.values() for each in checked]
    _print_table(found)
    if json is not None:
        _write(json, found)
    if record:
        from penchant.receipts.record import write_agreement

        write_agreement(by_file)
    if not all(each.good for each in found):
        raise typer.Exit(1)


def _print_table(found: list[Receipt]) -> None:
    from rich.table import Table

    table = Table("method", "case", "largest difference", "verdict")
    colours = {"exact": "green", "within": "green", "computed": "cyan", "differs": "red", "failed": "red"}
    for each in found:
        difference = "" if each.difference is None else f"{each.difference:.1e}"
        verdict = f"{each.verdict}: {each.detail}" if each.detail else each.verdict
        table.add_row(each.method, each.case, difference, verdict, style=colours.get(each.verdict, "dim"))
    console = make_console()
    if not console.is_terminal:  # a wide console for files and pipes, so that long names stay on one line
        console = make_console(width=140)
    console.print(table, markup=False)
    console.print(_summary(found), markup=False, highlight=False, soft_wrap=True)


def _summary(found: list[Receipt]) -> str:
    def count(*verdicts: str) -> int:
        return sum(each.verdict in verdicts for each in found)

    parts = [f"{count('exact', 'within')} of {len(found)} cases agree"]
    if count("computed"):
        parts.append(f"{count('computed')} computed without an expectation")
    parts += [f"{count('differs')} differ", f"{count('failed')} failed"]
    unbuilt = sorted({each.method for each in found if each.verdict == "not built yet"})
    parts.append(f"{count('not built yet')} not built yet ({len(unbuilt)} methods)")
    return ", ".join(parts) + "."


def _write(path: Path, found: list[Receipt]) -> None:
    rows = []
    for each in found:
        row = {"method": each.method, "case": each.case, "got": each.got}
        if each.got is None:
            row["verdict"] = each.verdict
        rows.append(row)
    write_json(path, rows, "The results", indent=1)
