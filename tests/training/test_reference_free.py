"""Methods without a reference load none: a run asks for the reference of kind ``none``, which holds no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import penchant
from penchant.likelihood import CausalScorer
from penchant.objectives import build, by_family
from real_feedback import read_pairs, rows_for
from test_every_method_on_real_data import METHODS as TRAINED
from test_every_method_on_real_data import trained_on_text

#: Methods of any family that read no reference and learn from one file of texts.
METHODS = [name for name in TRAINED if not build(name).requirements.needs.reference]


def test_no_method_of_the_family_reads_one() -> None:
    """The family says what the signature shows, and is watched as far as one file of texts is enough."""
    for name in by_family("reference-free"):
        assert not build(name).requirements.needs.reference, name
        if type(build(name)).__module__.startswith("penchant."):  # other tests define methods of their own
            assert name in METHODS or not trained_on_text(name), name
    assert {"simpo", "asft", "tpo-triple", "ift", "poft", "pad", "nll", "bt-reward-model"} <= set(METHODS)


@pytest.mark.parametrize("name", [*METHODS, "dpo", "tdpo2"])
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
    assert set(kinds) == ({"none"} if name in METHODS else {"initial"})
