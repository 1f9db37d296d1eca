"""A signature read as a contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.objectives import Needs, Requirements, Scored
from penchant.objectives.core.requirements import read_signature

if TYPE_CHECKING:
    from torch import Tensor as Unresolvable


def resolved(self: Any, chosen: Scored, rejected: Sequence[Scored], gold: Scored | None = None) -> torch.Tensor: ...


def unresolved(self: Any, chosen: Scored, score: Unresolvable, weight: torch.Tensor | None = None) -> Unresolvable: ...


def neither(self: Any, chosen: Scored, temperature: float) -> torch.Tensor: ...


def test_views_several_and_optional_ones() -> None:
    wanted = read_signature(resolved, Needs(reference=True))
    assert wanted.views == ("chosen", "rejected", "gold")
    assert wanted.several == {"rejected"} and wanted.optional == {"gold"} and wanted.needs.reference


def test_annotations_that_cannot_be_resolved_are_read_as_text() -> None:
    unresolved.__annotations__["score"] = "Tensor"
    wanted = read_signature(unresolved, Needs())
    assert wanted.views == ("chosen",) and wanted.fields == ("score", "weight") and wanted.optional == {"weight"}


def test_a_parameter_that_is_neither_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'temperature' is neither a view nor a record field"):
        read_signature(neither, Needs())


def test_a_union_is_optional_only_where_nobody_requires_it() -> None:
    first = Requirements(("chosen", "gold"), ("margin",), optional=frozenset({"gold", "margin"}))
    second = Requirements(("gold", "rejected"), (), needs=Needs(stats=frozenset({"entropy"})))
    both = first | second
    assert both.views == ("chosen", "gold", "rejected") and both.fields == ("margin",)
    assert both.optional == {"margin"} and both.needs.stats == {"entropy"}
