"""The study of data, algorithm, reward model and prompts: one factor at a time, with shared draws."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.lab.worlds.chains.unpacking import FACTORS, Factor, Setting, effects, measure_settings


def test_every_factor_changes_one_thing() -> None:
    for factor in FACTORS:
        base, variant = asdict(factor.base), asdict(factor.variant)
        assert sum(base[name] != variant[name] for name in base) == 1, factor.name


def test_swapped_settings_have_the_opposite_effect_and_equal_ones_none() -> None:
    small = replace(Setting(), pairs=60)
    there = Factor("there", small, replace(small, flips=0.0))
    both = (there, Factor("back", there.variant, there.base), Factor("same", small, small))
    measured = [measure_settings(seed, both) for seed in (0, 1)]
    assert measured[0] == measure_settings(0, both), "seeds decide everything"
    found = {factor.name: apart.value for factor, _before, _after, apart in effects(measured, both)}
    assert found["there"] == pytest.approx(-found["back"]) != 0 == found["same"]


@pytest.mark.long
def test_the_command_prints_the_order_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page = tmp_path / "study.json", tmp_path / "study.html"
    assert main(["lab", "unpacking", "--seeds", "2", "--json", str(out), "--html", str(page)]) == 0
    found = [row["effect"] for row in json.loads(out.read_text())["factors"]]
    assert found == sorted(found, reverse=True) and len(found) == len(FACTORS)
    assert "better data (dpo)" in capsys.readouterr().out and "better data (dpo)" in page.read_text()
