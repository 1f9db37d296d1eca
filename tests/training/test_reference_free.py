"""Methods without a reference load none: a run asks for the reference of kind ``none``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import penchant
from penchant.likelihood import CausalScorer
from penchant.objectives import build, get, names
from real_feedback import COMPUTED, read_pairs, rows_for

#: Reference-free methods that learn from one file of texts, and one with a reference, for which the watch must ring.
METHODS = [
    name
    for name in names()
    if get(name).__module__.startswith("penchant.")
    and get(name).family == "reference-free"
    and not COMPUTED & set(build(name).requirements.fields)
    and "diffusion" not in name
]


@pytest.mark.parametrize("name", [*METHODS, "dpo"])
def test_a_method_without_a_reference_loads_none(
    name: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[str] = []
    original = CausalScorer.reference

    def watched(self: CausalScorer, kind: str, *more: Any) -> Any:
        kinds.append(kind)
        return original(self, kind, *more)

    monkeypatch.setattr(CausalScorer, "reference", watched)
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    rows = rows_for(build(name), read_pairs(shared, 2))
    model = str(shared / "models" / "tinystories-260k")
    settings: dict[str, Any] = {"max_steps": 1, "batch_size": 2, "samples": 0, "device": "cpu", "max_length": 64}
    penchant.train(model, rows, name, tmp_path / "run", chat_template="plain", truncation="response_right", **settings)
    assert set(kinds) == ({"none"} if name != "dpo" else {"initial"})
