"""Objectives by id, by family, and by the name of their class."""

from __future__ import annotations

import subprocess
import sys

import pytest

from penchant import objectives
from penchant.errors import ConfigurationError
from penchant.objectives.core import registry


def test_every_id_leads_to_its_class_and_family() -> None:
    for name in objectives.names():
        cls = objectives.get(name)
        assert cls.id == name and name in objectives.by_family(cls.family)
        if cls.__module__.startswith("penchant."):  # other tests define objectives of their own
            assert getattr(objectives, cls.__name__) is cls


def test_unknown_ids_and_families_name_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"no objective 'dpoo'. Did you mean 'dpo'"):
        objectives.build("dpoo")
    with pytest.raises(ConfigurationError, match="Did you mean 'pairwise'"):
        objectives.by_family("pairwize")


def test_an_unknown_class_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'DPOO'"):
        objectives.DPOO  # noqa: B018


def test_methods_are_found_without_importing_them_first() -> None:
    code = (
        "from penchant.objectives.core import registry as found; "
        "print('dpo' in found.OBJECTIVES._entries, 'dpo' in found.names())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_an_alias_builds_its_method_and_is_listed_with_it() -> None:
    assert objectives.aliases()["infonca"] == "dpo" and "infonca" not in objectives.names()
    assert objectives.build("infonca", beta=0.3).id == "dpo" and objectives.get("infonca") is objectives.DPO
    assert objectives.build("2*infonca+nll").id == "2*dpo+nll"
    view = {"policy": [[-1.0]], "reference": [[-2.0]]}
    inputs = {"chosen": view, "rejected": view}
    assert objectives.evaluate("infonca", {}, inputs) == objectives.evaluate("dpo", {}, inputs)


def test_tags_are_of_the_vocabulary_and_find_methods() -> None:
    assert "rdpo" in objectives.by_tag("robust") and "dpo" not in objectives.by_tag("robust")
    with pytest.raises(ConfigurationError, match=r"no tag|No objective has the tag 'robbust'. Did you mean 'robust'"):
        objectives.by_tag("robbust")
    with pytest.raises(ConfigurationError, match=r"There is no tag 'pairs'"):

        class Mistagged(objectives.Objective):
            id = "mistagged"
            tags = ("pairs",)


def test_a_subclass_from_elsewhere_has_an_id_of_its_own_and_no_alias_of_its_base() -> None:
    try:

        class Mine(objectives.DPO):
            id = "test-my-dpo"

        assert Mine.aliases == () and objectives.build("test-my-dpo").id == "test-my-dpo"
        assert objectives.get("infonca") is objectives.DPO
    finally:
        registry.OBJECTIVES.remove("test-my-dpo")
