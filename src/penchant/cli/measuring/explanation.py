"""What data reward, printed as tables, for ``penchant diagnose`` without a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.cli.measuring.only_ties import nothing_in_ties
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from penchant.diagnostics.explanation import Explanation
    from penchant.diagnostics.findings import Findings
    from penchant.diagnostics.properties.agents import Agents
    from penchant.feedback.collection import Feedback
    from penchant.rewards.judge import Judge

__all__ = ["explain", "write_findings"]


def explain(
    data: str,
    embedder: str,
    json_out: Path | None,
    html: Path | None,
    judges: Sequence[str] = (),
    against: Sequence[str] = (),
    by: str | None = None,
    people: str | None = None,
    **reading: Any,
) -> None:
    """Explain a file of comparisons or rankings, and print the tables.

    Args:
        data: the file.
        embedder: of the features.
        judges: words of the judges whose preferences are compared with the labels.
        against: other files to compare with.
        by: a field whose values are compared.
        people: a field that names who judged.
        json_out: also write the findings to this file.
        html: also write a page with pictures to this file.
        reading: as for `penchant.feedback.read`.
    """
    from penchant.cli.measuring.people_words import show_people
    from penchant.diagnostics.explanation import explain_data
    from penchant.diagnostics.features.training import FeatureSettings
    from penchant.feedback import read

    with nothing_in_ties("they reward nothing that could be explained"):
        feedback = read(data, **reading)
    others = {Path(each).name: read(each, on_bad=reading.get("on_bad", "stop")) for each in against}
    built = _built(judges, feedback)
    asked = {"judges": built, "others": others, "by": by, "people": people}
    found = explain_data(feedback, FeatureSettings(embedder=embedder), **asked)  # type: ignore[arg-type]
    console = make_console(highlight=False)
    console.print(_properties(found))
    if found.agents is not None:
        _show_agents(found.agents, console)
    if found.features is not None:
        console.print(_features(found))
        areas = ", ".join(f"{name} {value:.3f}" for name, value in found.features.areas.items())
        console.print(f"Area under the ROC curve on held-out prompts (0.5 is chance): {areas}.", markup=False)
    if found.people is not None:
        show_people(found.people, console)
    if found.longer is not None:
        console.print(f"Share of pairs whose preferred response is longer: {found.longer}.", markup=False)
    for note in found.notes:
        console.print(note, markup=False)
    if html is not None:
        from penchant.evaluation.report.diagnosis_page import write_diagnosis

        agents = None if found.agents is None else (found.agents.table(), found.agents.alike())
        title = f"What {Path(found.name).name} rewards"
        page = write_diagnosis(html, title, found.name, data=found.as_dict(), agents=agents)
        console.print(str(page), markup=False, highlight=False, soft_wrap=True)
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The findings", fix="Choose another path for --json.")


def _built(words: Sequence[str], feedback: Feedback) -> dict[str, Judge]:
    """The judges by name."""
    from penchant.cli.judge_words import build_judges, judge_names, parse_judge

    settings = [parse_judge(word) for word in words]
    named = dict(zip(judge_names(settings), settings, strict=True))
    return {name: each.judge for name, each in build_judges(named, list(feedback)).items()}


def _show_agents(agents: Agents, console: Console) -> None:
    """Print what every agent rewards, and how alike they are."""
    from rich.table import Table

    from penchant.cli.narrow import print_fitted

    titles = ("Log-odds (tau) by agent; * where the interval does not hold 0", "How alike agents are")
    for title, (headings, rows) in zip(titles, (agents.table(), agents.alike()), strict=True):
        table = Table(title=title, title_justify="left")
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="right" if place else "left")
        for row in rows:
            table.add_row(*row)
        print_fitted(console, table)


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
        # Words that no held-out pair has fit nothing that could be measured.
        fits = "–" if math.isnan(float(str(row["fidelity"]))) else f"{row['fidelity']:.2f}"
        table.add_row(*words, f"+{row['win_rate_change']:.1%}", f"{row['p']:.1g}", fits, f"{row['fires']:.0%}")
    return table
