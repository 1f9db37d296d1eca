"""Installed packages add to registries by entry points."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint

import pytest

from penchant.curation.registry import BUILDERS
from penchant.generation.registry import ENGINES
from penchant.objectives.core.registry import OBJECTIVES
from penchant.online.pairing import PAIRINGS
from penchant.registry import Registry
from penchant.rewards.registry import JUDGES


class Listed(EntryPoint):
    """Stands in for an entry point of an installed package: loading it registers its name, or fails."""

    def load(self) -> None:
        if self.name == "broken":
            raise ImportError("No module named 'their_package'")
        SHELF.add(self.name, self.value)


SHELF: Registry[str] = Registry("fruit", "penchant.online.pairings", group="penchant.fruits")


def test_what_a_package_lists_is_found_by_name_and_one_that_fails_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listed = {"penchant.fruits": [Listed(name, "their_package", "penchant.fruits") for name in ("broken", "apple")]}
    monkeypatch.setattr("penchant.registry.entry_points", lambda group: listed.get(group, []))
    with caplog.at_level(logging.WARNING, "penchant"):
        assert SHELF.names() == ["apple"] and "broken" not in SHELF
    assert "fruit broken of an installed package cannot be imported (ImportError: No module" in caplog.text


@pytest.mark.parametrize("registry", [JUDGES, OBJECTIVES, BUILDERS, ENGINES, PAIRINGS], ids=lambda each: each.kind)
def test_the_groups_are_named_like_the_kinds(registry: Registry[object]) -> None:
    assert registry.group == f"penchant.{registry.kind}s"
