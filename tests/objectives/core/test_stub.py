"""The stub of the package of objectives is current, and what it names is there."""

from __future__ import annotations

from penchant import objectives
from penchant.objectives.core.stub import stub_path, stub_text


def test_the_stub_names_every_method() -> None:
    written = stub_path().read_text(encoding="utf-8")
    assert written == stub_text(), "write it anew: python -m penchant.objectives.core.stub"


def test_what_the_stub_names_can_be_had() -> None:
    names = [line.rpartition(" as ")[2] for line in stub_text().splitlines() if line.startswith("from ")]
    assert {"DPO", "GRPO", "TailWeighted", "build", "Objective"} <= set(names)
    assert [name for name in names if getattr(objectives, name, None) is None] == []
