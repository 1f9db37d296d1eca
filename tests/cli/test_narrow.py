"""Tables that are too wide for the terminal keep every cell whole."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from penchant.cli.narrow import print_fitted
from penchant.evaluation.report import objectives_table

NAMES = ("dpo", "ipo", "sppo-hard", "tail-weighted(rdpo)", "simpo")
FIGURES = ("rewards/accuracy", "logps/accuracy", "logps/margin", "rewards/margin", "kl", "samples/length", "seconds")


def compared(*names: str) -> Table:
    def figure(number: float) -> dict[str, object]:
        return {"mean": number, "low": number - 0.1, "high": number + 0.1, "values": [number] * 3}

    runs = [{"seed": seed, "state": "done", "folder": "x"} for seed in range(3)]
    objectives = [
        {
            "name": name,
            "settings": {},
            "figures": {key: figure((at + place) / 20) for place, key in enumerate(FIGURES)},
            "runs": runs,
        }
        for at, name in enumerate(names)
    ]
    title = f"{len(names)} objectives on pairs.jsonl"
    return objectives_table({"title": title, "seeds": [0, 1, 2], "before": {"kl": 0.0}, "objectives": objectives})


def shown(table: Table, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_fitted(console, table)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("names", [NAMES[:2], NAMES])
@pytest.mark.parametrize("width", [80, 60, 200])
def test_no_cell_is_folded_or_cut(names: tuple[str, ...], width: int) -> None:
    table = compared(*names)
    text = shown(table, width)
    assert max(map(len, text.splitlines())) <= width and "…" not in text
    for column in table.columns:
        for cell in column.cells:
            assert str(cell) in text
    assert text.count("objectives on pairs.jsonl") == 1


def test_a_table_that_fits_is_as_it_was() -> None:
    table = compared(*NAMES)
    console = Console(width=200, file=io.StringIO(), highlight=False)
    console.print(table)
    assert shown(table, 200) == console.file.getvalue()  # type: ignore[attr-defined]


def test_two_objectives_stand_side_by_side_in_80_columns() -> None:
    text = shown(compared("dpo", "ipo"), 80)
    [heading] = [line for line in text.splitlines() if "objective" in line and "┃" in line]
    assert "dpo" in heading and "ipo" in heading and "before training" in heading and "KL, nats" in text
