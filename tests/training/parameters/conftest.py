"""Data of three kinds of objectives, and a tiny model."""

from __future__ import annotations

from typing import Any

import pytest

from small_runs import pairs


def facts(side: str, first: int, last: int) -> list[dict[str, str]]:
    return [{"prompt": row["prompt"], "completion": row[side]} for row in pairs()[first:last]]


def judged() -> list[dict[str, Any]]:
    return [{**row, "label": number % 2 == 0} for number, row in enumerate(facts("chosen", 0, 8))]


#: Objective and data by name.
RUNS: dict[str, dict[str, Any]] = {
    "dpo": {"objective": "dpo", "data": pairs()[:8]},
    "kto": {"objective": "kto", "data": judged()},
    "npo-retain": {
        "objective": "npo-retain",
        "data": {"forget": facts("rejected", 0, 6), "retain": facts("chosen", 6, 12)},
    },
}


@pytest.fixture(params=list(RUNS))
def kind(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Objective and data of a run."""
    return RUNS[request.param]


@pytest.fixture
def unlearning() -> dict[str, Any]:
    """A run that forgets six facts and keeps six."""
    return RUNS["npo-retain"]
