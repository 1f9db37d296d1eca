"""What data reward, printed as tables, for ``penchant diagnose`` without a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.diagnostics.explanation import Explanation
    from penchant.diagnostics.findings import Findings

__all__ = ["explain", "write_findings"]


def explain(data: str, embedder: str, json_out: Path | None, html: Path | None, **reading: Any) -> None:
    """Explain a file of comparisons or rankings, and print the tables.

    Args:
        data: the file.
        embedder: of the features.
        json_out: also write the findings to this file.
        html: also write a page with pictures to this file.
        reading: as for `penchant.feedback.read`.
    """
    from penchant.diagnostics.explanation import explain_data
    from penchant.diagnostics.features.training import FeatureSettings
    from penchant.feedback import read

    found = explain_data(read(data, **reading), FeatureSettings(embedder=embedder))
    console = make_console(highlight=False)
    console.print(_properties(found))
    if found.features is not None:
        console.print(_features(found))
        areas = ", ".join(f"{name} {value:.3f}" for name, value in found.features.areas.items())
        console.print(f"Area under the ROC curve on held-out prompts (0.5 is chance): {areas}.", markup=False)
    if found.longer is not None:
        console.print(f"Share of pairs whose preferred response is longer: {found.longer}.", markup=False)
    for note in found.notes:
        console.print(note, markup=False)
    if html is not None:
        from penchant.evaluation.report.diagnosis_page import write_diagnosis

        page = write_diagnosis(html, f"What {Path(found.name).name} rewards", found.name, data=found.as_dict())
        console.print(str(page), markup=False, highlight=False, soft_wrap=True)
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The findings", fix="Choose another path for --json.")


def write_findings(html: Path, found: Findings, subtitle: str, data: str, embedder: str, **reading: Any) -> Path:
    """Write the page of a diagnosed model, with what its data reward.

    Args:
        html: the page.
        found: of the model.
        subtitle: of the page.
        data: the file of comparisons.
        embedder: of the features.
        reading: as for `penchant.feedback.read`.
    """
    from penchant.diagnostics.explanation import explain_data
    from penchant.diagnostics.features.training import FeatureSettings
    from penchant.errors import DataError
    from penchant.evaluation.report.diagnosis_page import write_diagnosis
    from penchant.feedback import read

    model, rewarded = found.as_dict(), None
    try:
        rewarded = explain_data(read(data, **reading), FeatureSettings(embedder=embedder)).as_dict()
    except DataError as error:
        model["notes"] = [*found.notes, f"What the data reward is left out: {error}"]
    shown = {"data": rewarded, "model": model, "texts": found.texts, "meaning": found.meaning}
    return write_diagnosis(html, f"Diagnosis of {found.pairs:,} pairs", subtitle, **shown)  # type: ignore[arg-type]


def _properties(found: Explanation) -> Table:
    from rich.table import Table

    table = Table(title=f"What {found.pairs} pairs reward: properties", title_justify="left")
    for column in ("property", "log-odds", "95% interval", "wins alone", "tau", "pairs that differ"):
        table.add_column(column, justify="left" if column == "property" else "right")
    for row in found.properties.rows():
        interval = f"{row['low']:+.2f}…{row['high']:+.2f}"
        shares = (f"{row['win_probability']:.0%}", f"{row['tau']:+.2f}", f"{row['differ']:.0%}")
        table.add_row(str(row["property"]), f"{row['coefficient']:+.2f}", interval, *shares)
    return table


def _features(found: Explanation) -> Table:
    from rich.table import Table

    table = Table(title="Features of the texts, length held fixed", title_justify="left")
    for column in ("rewarded", "rather than", "win rate", "p", "fits words", "fires"):
        table.add_column(column, justify="left" if column in ("rewarded", "rather than") else "right")
    for row in found.features.rows(10) if found.features else ():
        words = [", ".join(row[name]) or "–" for name in ("rewarded", "punished")]  # type: ignore[call-overload, arg-type]
        table.add_row(
            *words, f"+{row['win_rate_change']:.1%}", f"{row['p']:.1g}", f"{row['fidelity']:.2f}", f"{row['fires']:.0%}"
        )
    return table
