"""Documentation pages of claims in Markdown: an overview and a page per family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.lab.claims.pages import VERDICTS, interval_of, summary_of
from penchant.lab.claims.pictures import effect_picture
from penchant.statistics import student_interval
from penchant.writing import write_text

__all__ = ["documentation_pages", "families_of", "write_documentation"]

Row = Mapping[str, Any]

_INTRODUCTION = """\
# Claims

Each page restates claims of papers for small worlds with known ground truth, and measures them. What counts as
reproduced is fixed in advance. Settings and thresholds were chosen on other seeds than those shown.

An effect is a difference of two arms, paired by seed, with a 95 % Student interval. There are two kinds of criteria:

- **≥ s**, an effect of at least s: *reproduced* if the effect is at least s and its interval is above 0, *not
reproduced* if the interval is below s.
- **> −m**, not worse by more than m: *reproduced* if the interval is above −m, *not reproduced* if it is
below −m.

Otherwise the effect is *inconclusive*. A claim is reproduced if all its effects are, and not reproduced if one is not.

Small worlds neither prove nor disprove a claim for large models: each result shows how the method behaves under the
stated conditions.

In the plots the dot is the effect and the bar its interval. The interval must be right of the solid line, which is 0
or −m. The dashed line is s, or no difference. The distance between the two lines is the unit; beyond one unit the scale
is logarithmic.

The numbers come from the recorded results in the repository (`src/penchant/lab/claims/results`). `penchant claims` runs
the claims on a laptop, without network. It measures only claims whose code has changed since; `--fresh` measures all.
"""


def families_of(rows: Sequence[Row]) -> list[str]:
    """The families of rows, sorted."""
    return sorted({str(row["family"]) for row in rows})


def documentation_pages(rows: Sequence[Row]) -> dict[str, str]:
    """The results as Markdown pages.

    Args:
        rows: rows of `penchant.lab.claims.results`.

    Returns:
        File name -> text: ``index.md``, and one page per family, such as ``pairwise.md``.
    """
    pages = {"index.md": "\n".join(_overview(rows)) + "\n"}
    for family in families_of(rows):
        pages[f"{family}.md"] = "\n".join(_family_page(family, _of_family(rows, family))) + "\n"
    return pages


def write_documentation(rows: Sequence[Row], folder: Path) -> Path:
    """Write `documentation_pages` into a folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    for name, text in documentation_pages(rows).items():
        write_text(folder / name, text, "The page", fix="Give a writable folder with --pages.")
    return folder


def _of_family(rows: Sequence[Row], family: str) -> list[Row]:
    return [row for row in rows if row["family"] == family]


def _overview(rows: Sequence[Row]) -> Iterator[str]:
    yield from (_INTRODUCTION, f"{summary_of(rows)}.", "")
    yield f"| family | {' | '.join(VERDICTS)} |"
    yield f"| --- |{' --- |' * len(VERDICTS)}"
    for family in families_of(rows):
        counts = Counter(row["verdict"] for row in _of_family(rows, family))
        yield f"| [{family}]({family}.md) | {' | '.join(str(counts[verdict]) for verdict in VERDICTS)} |"
    yield from ("", "| claim | statement | verdict |", "| --- | --- | --- |")
    for row in rows:
        yield f"| [{row['id']}]({row['family']}.md#{row['id']}) | {_cell(row['sentence'])} | {row['verdict']} |"


def _family_page(family: str, rows: Sequence[Row]) -> Iterator[str]:
    yield from (f"# Claims: {family}", "", f"{summary_of(rows)}. [How to read the results](index.md).", "")
    for row in rows:
        yield from _section(row)


def _section(row: Row) -> Iterator[str]:
    kind, _, number = row["paper"].partition(":")
    address = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}.get(kind, "")
    paper = f"[{row['paper']}]({address}{number})" if address else row["paper"]
    yield from (f"## {row['id']}", "", f"{row['sentence']} ({paper or 'no paper'})", "")
    yield "| effect | value [95 % interval] | criterion | verdict | |"
    yield "| --- | --- | --- | --- | --- |"
    for effect in row["effects"]:
        cells = [_cell(effect["difference"]), interval_of(effect), effect["promise"], effect["verdict"]]
        yield f"| {' | '.join([*cells, effect_picture(effect)])} |"
    arms = "; ".join(f"{arm}: {student_interval(values)}" for arm, values in row["arms"].items())
    yield from ("", f"- Verdict: **{row['verdict']}**.")
    yield f"- World: {row['world']}; {len(row['seeds'])} seeds."
    yield f"- Measured: {row['quantity']}. {arms}."
    yield from (f"- {row['remark']}", "") if row["remark"] else ("",)


def _cell(text: str) -> str:
    """Text escaped for a table cell."""
    return text.replace("|", "\\|")
