"""Objectives by id, by family, and by the name of their class."""

from __future__ import annotations

import subprocess
import sys

import pytest

from penchant import objectives
from penchant.errors import ConfigurationError


def test_every_id_leads_to_its_class_and_family() -> None:
    for name in objectives.names():
        cls = objectives.get(name)
        assert cls.id == name and all(name in objectives.by_family(each) for each in objectives.families(cls))
        if cls.__module__.startswith("penchant."):  # other tests define objectives of their own
            assert getattr(objectives, cls.__name__) is cls


def test_unknown_ids_and_families_name_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"no objective 'dppo'. Did you mean 'dpo'"):
        objectives.build("dppo")
    with pytest.raises(ConfigurationError, match="Did you mean 'pairwise'"):
        objectives.by_family("pairwize")


def test_an_unknown_class_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'DPOO'"):
        objectives.DPOO  # noqa: B018


def test_methods_are_found_without_importing_them_first() -> None:
    code = (
        "from penchant.objectives.core import registry as found; "
        "print('dpo' in found.OBJECTIVES._things, 'dpo' in found.names())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


class Both(objectives.DPO):
    """A method of pairs and of lists."""

    id = "test-both-families"
    family = "pairwise / listwise-test"


def test_a_method_of_two_families_is_listed_in_both() -> None:
    from penchant.objectives.core.description import overview

    assert objectives.families(Both) == ("pairwise", "listwise-test")
    assert Both.id in objectives.by_family("pairwise") and objectives.by_family("listwise-test") == [Both.id]
    rows = [line for line in overview([Both, objectives.DPO]).splitlines() if Both.id in line]
    assert [row.split(" | ")[2] for row in rows] == ["listwise-test", "pairwise"]
