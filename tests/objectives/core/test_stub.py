"""The stub of the package of objectives is current, and what it names is there."""

from __future__ import annotations

from penchant import objectives
from penchant.objectives.core.registry import OBJECTIVES
from penchant.objectives.core.stub import stub_path, stub_text


def test_the_stub_names_every_method() -> None:
    written = stub_path().read_text(encoding="utf-8")
    assert written == stub_text(), "write it anew: python -m penchant.objectives.core.stub"


def test_what_the_stub_names_can_be_had() -> None:
    lines = stub_text().splitlines()
    names = [line.rpartition(" as ")[2] for line in lines if line.startswith("from penchant") and " as _" not in line]
    names += [line.partition("(")[0].removeprefix("class ") for line in lines if line.startswith("class ")]
    assert {"DPO", "GRPO", "TailWeighted", "build", "Objective"} <= set(names)
    assert [name for name in names if getattr(objectives, name, None) is None] == []


def test_the_stub_names_the_hyper_parameters_of_every_method() -> None:
    text = stub_text()
    for cls in OBJECTIVES.things():
        if cls.__module__.startswith("penchant.objectives."):
            body = text.partition(f"class {cls.__name__}(")[2].partition("-> None")[0]
            assert [each.attribute for each in cls.hyperparameters() if f" {each.attribute}: " not in body] == []
