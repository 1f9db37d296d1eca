"""The report of one run: ``report.html``, and a short table for the terminal."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.evaluation.report.before_after import BeforeAfter, before_after
from penchant.evaluation.report.calibration import calibration_chart
from penchant.evaluation.report.curves import run_charts
from penchant.evaluation.report.data_tables import checks, cut_rows, length_rows
from penchant.evaluation.report.histograms import histograms
from penchant.evaluation.report.list_table import list_rows
from penchant.evaluation.report.page import render, save
from penchant.evaluation.report.panels import MACHINERY, main_panels, other_panels
from penchant.evaluation.report.quantities import count, duration, fixed
from penchant.evaluation.report.run_folder import RunFolder, finite_number, numbers_of, read_run
from penchant.evaluation.report.verdict import verdict

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["before_after_table", "write_report"]

_SAMPLES = 12
# Seconds after which a browser reads the page of a running run again.
RELOAD = 10
_TILES = (
    "accuracy",
    "reward",
    "true_reward",
    "win_rate",
    "separation",
    "rewards/accuracy",
    "rewards/margin",
    "rewards/top1",
    "rewards/kendall",
    "loss",
    "kl",
    "logps/chosen",
)
_MAIN_SIZE = {"width": 4.2, "height": 2.1}
_SMALL_SIZE = {"width": 3.0, "height": 1.75}


def write_report(run: Path, output: Path | None = None) -> Path:
    """Write the report of a run as one self-contained HTML file.

    The page has no external reference and no script, follows the reader's light or dark preference, and prints. Parts
    of the page without data are left out; what cannot be read is listed under the warnings.

    Args:
        run: the run's folder; see :func:`read_run`.
        output: path of the page; default: ``report.html`` in the run's folder.

    Returns:
        The file that was written.

    Raises:
        DataError: ``run`` is not a run folder.
        OutputError: the page cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "summary.json").write_text('{"title": "A & B", "objective": "dpo"}')
        >>> "A &amp; B" in write_report(folder).read_text()
        True
    """
    folder = read_run(Path(run))
    return save(render("run.html", _values(folder)), Path(output) if output else folder.path / "report.html")


def before_after_table(run: Path) -> Table:
    """The held-out figures of a run before and after, as a table for the terminal.

    Raises:
        DataError: ``run`` is not a run folder.
    """
    from rich.table import Table

    folder = read_run(Path(run))
    figures = before_after(folder)
    table = Table(title=verdict(folder, figures).headline, title_justify="left")
    table.add_column("figure")
    for name in ("before", "after", "change", "interval"):
        table.add_column(name, justify="right")
    for figure in figures.figures.values():
        colours = {"better": "green", "worse": "red"}
        unit = f" ({figure.quantity.unit})" if figure.quantity.unit else ""
        table.add_row(
            f"{figure.quantity.label}{unit}",
            *figure.shown,
            figure.change or "–",
            figure.shown_interval or "–",
            style=colours.get(figure.judged),
        )
    return table


def _values(run: RunFolder) -> dict[str, Any]:
    figures = before_after(run)
    shift = numbers_of(run.summary.get("after")).get("shift", 0.0)
    cut = cut_rows(run.summary.get("cut"))
    columns, lengths = length_rows(run.doctor.get("lengths"))
    warnings = run.summary.get("warnings")
    values: dict[str, Any] = {
        "title": str(run.summary.get("title") or run.name),
        "subtitle": _subtitle(run),
        "verdict": verdict(run, figures),
        "reload": RELOAD if run.progress.get("state") == "running" else 0,
        "tiles": _tiles(figures),
        "warnings": [str(text) for text in warnings] if isinstance(warnings, list) else [],
        "notes": run.notes,
        "figures": list(figures.figures.values()),
        "lists": list_rows(run),
        "origin": figures.origin,
        "measured": "held-out examples" if figures.held_out else "examples that were trained on",
        "has_interval": any(figure.interval for figure in figures.figures.values()),
        "main_charts": run_charts(run, main_panels([run]), **_MAIN_SIZE),
        "machinery_charts": run_charts(run, MACHINERY, **_SMALL_SIZE),
        "other_charts": run_charts(run, other_panels([run]), **_SMALL_SIZE),
        "histograms": [
            *histograms(run.rewards, of_a_head=run.rewards_of_a_head),
            *filter(None, [calibration_chart(run.rewards, shift)]),
        ],
        "samples": [_sample(sample, run.path) for sample in run.samples[:_SAMPLES]],
        "samples_left_out": max(0, len(run.samples) - _SAMPLES),
        "cut": cut,
        "cut_has_share": any(share for _, _, share in cut),
        "length_columns": columns,
        "lengths": lengths,
        "checks": checks(run.doctor.get("checks")),
        "recipe": run.recipe_text.strip(),
        "facts": _facts(run),
        "command": _command(run),
    }
    return values | {"sections": _sections(values)}


def _sections(values: dict[str, Any]) -> list[tuple[str, str]]:
    """The table of contents: (anchor, label) of the parts of the page."""
    parts = (
        ("warnings", "Warnings", ("warnings", "notes")),
        ("figures", "Before and after", ("figures",)),
        ("lists", "Lists", ("lists",)),
        ("curves", "Training", ("main_charts", "machinery_charts", "other_charts")),
        ("histograms", "Distributions", ("histograms",)),
        ("samples", "Samples", ("samples",)),
        ("data", "Data", ("cut", "lengths", "checks")),
        ("reproduce", "Reproduce", ("recipe", "facts", "command")),
    )
    return [(anchor, label) for anchor, label, needed in parts if any(values[name] for name in needed)]


def _subtitle(run: RunFolder) -> str:
    summary = run.summary
    steps = finite_number(summary.get("steps")) or run.last_step
    parts = (
        run.objective,
        str(summary.get("model") or ""),
        str(summary.get("data") or ""),
        f"{count(steps)} step{'s' * (steps != 1)}" if steps else "",
        duration(run.seconds) if run.seconds else "",
    )
    return " · ".join(part for part in parts if part)


def _tiles(figures: BeforeAfter) -> list[Any]:
    """The four most important figures."""
    return [figure for key in _TILES if (figure := figures.get(key)) is not None][:4]


def _sample(sample: dict[str, Any], folder: Path) -> dict[str, Any]:
    sides = []
    for side in ("before", "after"):
        reward = finite_number(sample.get(f"reward_{side}"))
        text = sample.get(side)
        shown = "" if reward is None else fixed(reward, 2)
        sides.append((side, "" if text is None else str(text), shown, _picture(folder, sample.get(f"{side}_image"))))
    return {"prompt": str(sample.get("prompt", "")), "sides": sides}


def _picture(folder: Path, name: Any) -> str:
    """A picture in the run's folder as a data URL, so that the page stays one file; empty if there is none."""
    if not isinstance(name, str):
        return ""
    file = (folder / name).resolve()
    # Only files inside the run's folder are shown.
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return ""
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"


def _facts(run: RunFolder) -> list[tuple[str, str]]:
    """Seed, processes, sizes, versions and fingerprints, to compare reruns with this run."""
    summary = run.summary
    facts = [("seed", str(summary["seed"]))] if summary.get("seed") is not None else []
    if (finite_number(summary.get("processes")) or 1) > 1:
        facts.append(("processes", f"{count(summary['processes'])} ({summary.get('strategy')})"))
    for key, label in (("parameters", "parameters"), ("trained_parameters", "trained parameters")):
        if (value := finite_number(summary.get(key))) is not None:
            facts.append((label, f"{value:,.0f}"))
    for group, prefix in (("versions", ""), ("fingerprints", "fingerprint of ")):
        entries = summary.get(group)
        if isinstance(entries, dict):
            facts += [(f"{prefix}{key}", str(value)) for key, value in entries.items()]
    return facts


def _command(run: RunFolder) -> str:
    """The command that repeats this run: as recorded by the run, else from its recipe."""
    recorded = run.summary.get("command")
    if isinstance(recorded, str) and recorded.strip():
        return recorded.strip()
    if not run.recipe_text.strip():
        return ""
    folder = run.path
    return shlex.join(["penchant", "train", str(folder / "recipe.yaml"), "--out", f"{folder}-again"])
