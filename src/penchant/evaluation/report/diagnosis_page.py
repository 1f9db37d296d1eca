"""The page of a diagnosis: what the data reward, and what training did to each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.evaluation.report.diagnosis_charts import data_charts, pair_charts
from penchant.evaluation.report.page import render, save
from penchant.evaluation.report.people_table import few_table, people_table
from penchant.evaluation.report.quantities import number

__all__ = ["write_diagnosis"]

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
#: Characters of a text on the page.
_MOST = 700
#: Pairs of each kind that are shown.
_SHOWN = 8
_GROUPS = {
    "ranking": "Ranking",
    "length": "Length exploitation",
    "space": "Both responses against the reference",
    "3d": "Where the likelihood goes",
    "coverage": "Coverage: beyond what the reference would say",
    "entanglement": "Gradient entanglement",
    "tokens": "Gradients of tokens",
    "explicit": "Explicit reward",
    "implicit": "Implicit reward",
    "drop": "Explicit less implicit accuracy on shifted sets",
}


def write_diagnosis(
    path: Path,
    title: str,
    subtitle: str,
    *,
    data: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    texts: Mapping[str, Mapping[str, str]] | None = None,
    meaning: Callable[[str], str] = lambda name: name,
    agents: tuple[Table, Table] | None = None,
) -> Path:
    """Write the page; everything that comes from data is escaped.

    Args:
        path: of the page.
        title: of the page.
        subtitle: what was diagnosed.
        data: what the data reward, ``Explanation.as_dict()``; None leaves that part out.
        model: what training did, ``Findings.as_dict()``; None leaves that part out.
        texts: prompt, chosen and rejected response by ``source``.
        meaning: from a figure's name to its meaning.
        agents: headings and rows of what several agents reward, and of how alike they are; None leaves them out.

    Raises:
        OutputError: it cannot be written.
    """
    values = {
        "title": title,
        "subtitle": subtitle,
        "notes": [note for each in (model, data) if each for note in each["notes"]],
        "data": None if data is None else _data(data),
        "agents": agents,
        "model": None if model is None else _model(model, texts or {}, meaning),
    }
    return save(render("diagnosis.html", values), path)


def _data(found: Mapping[str, Any]) -> dict[str, Any]:
    longer = found["longer_preferred"]
    tiles = [("different pairs", f"{found['pairs']:,}", "")]
    if longer:
        interval = f"{100 * longer['low']:.1f} to {100 * longer['high']:.1f} %"
        tiles.append(("longer response preferred", f"{100 * longer['share']:.1f} %", interval))
    areas = found["held_out_area"]
    for name in ("length", "features"):
        if name in areas:
            tiles.append((f"predicted by {name}", f"{areas[name]:.2f}", "area under the ROC curve; 0.5 is chance"))
    return {
        "tiles": tiles,
        "charts": data_charts(found),
        "properties": found["properties"],
        "features": found["features"][:10],
        "people": _people(found),
        "examples": [{**_texts(each), "of": _named(found, each)} for each in found["examples"]],
    }


def _people(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """How differently people weigh features; None where that was not asked for."""
    people = found.get("people")
    if people is None:
        return None
    count = len(people["pairs"])
    return {"field": people["field"], "count": count, "tables": (people_table(people), few_table(people))}


def _named(found: Mapping[str, Any], example: Mapping[str, Any]) -> str:
    """The feature of an example, by its words."""
    row = next(each for each in found["features"] if each["feature"] == example["feature"])
    sides = [", ".join(row[side][:3]) for side in ("rewarded", "punished")]
    return f"{sides[0]} rather than {sides[1]}" if all(sides) else sides[0] or f"not {sides[1]}"


def _model(
    found: Mapping[str, Any], texts: Mapping[str, Mapping[str, str]], meaning: Callable[[str], str]
) -> dict[str, Any]:
    figures = found["figures"]
    groups = [(title, _figures(figures, group, meaning)) for group, title in _GROUPS.items()]
    rows = found["per_pair"]
    wrong = [row for row in rows if not row["right"]]
    far, near = [each for each in wrong if not each["flippable"]], [each for each in wrong if each["flippable"]]
    kinds = (
        ("Ranked wrong, farthest from turning", "their loss would have to fall most", _lead(far, _gap)),
        ("Ranked wrong, within reach", "they turn if their loss falls to the mean of all pairs", _lead(near, _gap)),
        ("Chosen response lost most", "training made it less likely, in nats", _lead(rows, _lost)),
    )
    return {
        "tiles": _tiles(figures, found["pairs"]),
        "groups": [(title, shown) for title, shown in groups if shown],
        "charts": pair_charts(found),
        "kinds": [(title, lead, [_row(each, texts) for each in part]) for title, lead, part in kinds if part],
    }


def _figures(figures: Mapping[str, float], group: str, meaning: Callable[[str], str]) -> list[tuple[str, str, str]]:
    """Name, value and meaning of the figures of a group."""
    return [(name, number(each), meaning(name)) for name, each in figures.items() if name.split("/")[0] == group]


def _gap(row: Mapping[str, Any]) -> float:
    return float(row["policy_margin"])


def _lost(row: Mapping[str, Any]) -> float:
    return float(row["chosen_change"])


def _lead(rows: Sequence[Mapping[str, Any]], key: Callable[[Mapping[str, Any]], float]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=key)[:_SHOWN]


def _tiles(figures: Mapping[str, float], pairs: int) -> list[tuple[str, str, str]]:
    """The figures to read first."""

    def share(name: str) -> str:
        return f"{100 * figures[name]:.1f}\u00a0%"

    tiles = [
        ("pairs", f"{pairs:,}", ""),
        ("ranked right", share("ranking/model"), f"reference {share('ranking/reference')}"),
        ("implicit reward right", share("length/accuracy"), f"at equal length {share('length/accuracy_controlled')}"),
        ("chosen less likely than before", share("3d/share_chosen_below_reference"), ""),
    ]
    if "length/longer_rewarded" in figures:
        of_data = share("length/longer_chosen")
        tiles.append(("longer response rewarded", share("length/longer_rewarded"), f"longer one chosen {of_data}"))
    return tiles


def _row(row: Mapping[str, Any], texts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    shown = _texts(texts.get(row["source"], {}))
    numbers = ("policy_margin", "reference_margin", "loss", "threshold", "chosen_change", "rejected_change")
    return {"source": row["source"], **shown, **{name: number(row[name]) for name in numbers}}


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a pair, long ones cut: a prompt at its beginning, since its end asks."""
    prompt, chosen, rejected = (str(found.get(name, "")) for name in ("prompt", "chosen", "rejected"))
    asked = prompt if len(prompt) <= _MOST else "… " + prompt[-_MOST:].lstrip()
    return {"prompt": asked, "chosen": _short(chosen), "rejected": _short(rejected)}


def _short(text: str) -> str:
    return text if len(text) <= _MOST else text[:_MOST].rstrip() + " …"
