"""A finished run as a short table: HTML for notebooks, text for the terminal."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup, escape

from penchant.evaluation.report.before_after import before_after
from penchant.evaluation.report.run_folder import read_run
from penchant.evaluation.report.verdict import verdict

__all__ = ["run_as_html", "run_as_text"]

_CELL = 'style="text-align: right"'


def run_as_html(run: Path) -> str:
    """Verdict, figures before and after, and a link to the report.

    Args:
        run: the run's folder.

    Raises:
        DataError: ``run`` is not a run folder.
    """
    folder = read_run(run)
    figures = before_after(folder)
    rows = [
        Markup("<tr><th>{}</th><td {}>{}</td><td {}>{}</td><td {}>{}</td></tr>").format(
            figure.quantity.label,
            *(each for text in (*figure.shown, figure.change or "–") for each in (Markup(_CELL), text)),
        )
        for figure in figures.figures.values()
    ]
    found = verdict(folder, figures)
    sentences = Markup("").join(Markup("<li>{}</li>").format(text) for text in found.sentences)
    head = Markup("<tr><th></th><th>before</th><th>after</th><th>change</th></tr>")
    report = run / "report.html"
    link = Markup('<p><a href="{}" target="_blank">{}</a></p>').format(report, report) if report.is_file() else ""
    return str(
        Markup("<div><h3>{}</h3><ul>{}</ul><table>{}{}</table>{}</div>").format(
            found.headline, sentences, head, Markup("").join(rows), escape(link)
        )
    )


def run_as_text(run: Path) -> str:
    """Headline, figures before and after, and where model and report are.

    Args:
        run: the run's folder.

    Raises:
        DataError: ``run`` is not a run folder.
    """
    folder = read_run(run)
    figures = before_after(folder)
    rows = [(each.quantity.label, *each.shown, each.change or "–") for each in figures.figures.values()]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [verdict(folder, figures).headline]
    lines += [
        f"  {name:<{widths[0]}}  {was:>{widths[1]}} → {now:>{widths[2]}}  ({change})" for name, was, now, change in rows
    ]
    return "\n".join([*lines, f"  model: {run / 'model'}", f"  report: {run / 'report.html'}"])
