"""Findings for people: a table in the terminal, a page in a browser, a page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import OutputError
from penchant.evaluation.report.page import render, save
from penchant.lab.claims.pictures import arms_picture, overview_picture
from penchant.statistics import Interval, student_interval

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["claims_table", "documentation_page", "summary_of", "write_claims_page", "write_documentation"]

Row = Mapping[str, Any]

_TONES = {"reproduced": "good", "not reproduced": "bad", "inconclusive": "unknown"}
_STYLES = {"reproduced": "green", "not reproduced": "red", "inconclusive": "yellow"}
# What the documentation's own style sheet gives a picture for colours.
_FIGURE = '<div class="claim-picture">{}</div>'


_INTRODUCTION = """\
# Claims

Each method's paper claims something. Here it is restated for a small world whose truth is known, and measured:
`penchant claims` runs it all on a laptop, without network. A claim says beforehand what counts as reproduced, an effect
of a smallest size; settings and thresholds were chosen on other seeds than those shown.

- **reproduced**: every effect is at least the smallest that counts, and its 95 % interval lies above zero.
- **not reproduced**: the interval of an effect lies below the smallest that counts.
- **inconclusive**: neither.

Effects are paired differences over the seeds; intervals are Student's. A claim that reproduces in a small world is no
proof for large models, and one that does not is no disproof: each says how the method's mathematics behaves under the
stated conditions. The picture shows each effect in units of the smallest that counts (the dashed line).

This page is written by `penchant claims --page docs/claims.md`.
"""


def _interval(effect: Row) -> str:
    return str(Interval(effect["value"], effect["low"], effect["high"]))


def summary_of(rows: Sequence[Row]) -> str:
    """How many claims of each verdict.

    Example:
        >>> summary_of([{"verdict": "reproduced"}])
        '1 claim: 1 reproduced, 0 not reproduced, 0 inconclusive'
    """
    counts = Counter(row["verdict"] for row in rows)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _TONES)
    return f"{len(rows)} claim{'' if len(rows) == 1 else 's'}: {told}"


def claims_table(rows: Sequence[Row]) -> Table:
    """The findings as a table for the terminal.

    Args:
        rows: of `penchant.lab.claims.results`.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("claim", "effect", "value [95 % interval]", "counts from", "verdict", "seconds"):
        table.add_column(name, justify="right" if name in ("counts from", "seconds") else "left")
    for row in rows:
        for place, effect in enumerate(row["effects"]):
            cells = [
                row["id"] if place == 0 else "",
                effect["difference"],
                _interval(effect),
                f"{effect['smallest']:g}",
            ]
            seconds = f"{row['seconds']:.1f}" if place == 0 else ""
            verdict = Text(effect["verdict"], style=_STYLES[effect["verdict"]])
            table.add_row(*map(Text, cells), verdict, seconds)
    return table


def write_claims_page(rows: Sequence[Row], output: Path) -> Path:
    """Write the findings as one self-contained HTML page with a picture for each claim.

    Args:
        rows: of `penchant.lab.claims.results`.
        output: the file; an earlier page there is replaced.

    Returns:
        The file.

    Raises:
        OutputError: it cannot be written.
    """
    told = [
        {
            **row,
            "tone": _TONES[row["verdict"]],
            "picture": arms_picture(row),
            "told": [
                {**each, "interval": _interval(each), "smallest": f"{each['smallest']:g}"} for each in row["effects"]
            ],
        }
        for row in rows
    ]
    values = {
        "title": "Claims of papers in small worlds",
        "subtitle": summary_of(rows),
        "overview": overview_picture(rows),
        "rows": told,
    }
    return save(render("claims.html", values), output)


def documentation_page(rows: Sequence[Row]) -> str:
    """The findings as a page of the documentation, in Markdown.

    Args:
        rows: of `penchant.lab.claims.results`.

    Returns:
        A table of all claims and a section for each family.
    """
    return "\n".join([*_beginning(rows), *_table(rows), *_sections(rows)]) + "\n"


def _beginning(rows: Sequence[Row]) -> Iterator[str]:
    picture = _FIGURE.format(" ".join(overview_picture(rows).split()))
    yield from (_INTRODUCTION, f"{summary_of(rows)}.", "", picture, "")


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| claim | effect | value [95 % interval] | counts from | verdict |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        for place, effect in enumerate(row["effects"]):
            name = f"[{row['id']}](#{row['id']})" if place == 0 else ""
            cells = [name, effect["difference"], _interval(effect), f"{effect['smallest']:g}", effect["verdict"]]
            yield f"| {' | '.join(cells)} |"
    yield ""


def _sections(rows: Sequence[Row]) -> Iterator[str]:
    for family in dict.fromkeys(row["family"] for row in sorted(rows, key=lambda row: str(row["family"]))):
        yield from (f"## {family.capitalize()}", "")
        for row in rows:
            if row["family"] == family:
                yield from _section(row)


def _section(row: Row) -> Iterator[str]:
    kind, _, number = row["paper"].partition(":")
    address = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}.get(kind, "")
    paper = f"[{row['paper']}]({address}{number})" if address else row["paper"]
    yield from (f"### {row['id']} {{: #{row['id']} }}", "", f"{row['sentence']} ({paper})", "")
    arms = "; ".join(f"{arm}: {student_interval(values)}" for arm, values in row["arms"].items())
    yield f"- World: {row['world']}; {len(row['seeds'])} seeds."
    yield f"- Measured: {row['quantity']}. {arms}."
    for effect in row["effects"]:
        counts = f"counts from {effect['smallest']:g}"
        yield f"- {effect['difference']} = {_interval(effect)}, {counts}: {effect['verdict']}."
    yield f"- Verdict: **{row['verdict']}**."
    if row["remark"]:
        yield f"- {row['remark']}"
    yield ""


def write_documentation(rows: Sequence[Row], output: Path) -> Path:
    """Write `documentation_page` to a file.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        output.write_text(documentation_page(rows), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The page cannot be written ({error.strerror or error}).",
            where=str(output),
            fix="Give a file in a folder that exists with --page.",
        ) from error
    return output
