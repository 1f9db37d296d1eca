"""Worlds by their ids: which there are, and what they say of themselves."""

from __future__ import annotations

import dataclasses

import pytest

import penchant.lab as lab
from penchant.errors import ConfigurationError
from penchant.lab.pretrained import PretrainedWorld
from penchant.lab.worlds.registry import WORLDS, summary_of_world

OURS = [name for name in WORLDS if WORLDS.get(name).__module__.startswith("penchant.")]


def test_every_world_that_the_lab_exports_is_found() -> None:
    exported = {getattr(lab, name) for name in lab.__all__ if name.endswith("World")} | {lab.tabular.World}
    assert {WORLDS.get(name) for name in OURS} == exported


@pytest.mark.parametrize("name", OURS)
def test_a_world_has_a_summary_and_dials_with_defaults(name: str) -> None:
    world, summary = WORLDS.get(name), summary_of_world(name)
    assert summary.endswith(".") and len(summary) < 120
    if issubclass(world, PretrainedWorld):
        assert world.id == name
        assert {each.name for each in dataclasses.fields(world())} >= {"pretraining", *world.base_dials}


def test_an_unknown_world_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"There is no world 'shape'.*'shapes'"):
        summary_of_world("shape")
