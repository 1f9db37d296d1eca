"""Settings: strict types, ranges in words, and the nearest valid name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt

from penchant.errors import ConfigurationError
from penchant.objectives import DPO
from penchant.settings import read_settings, validated
from penchant.training import make_recipe
from penchant.training.preparation import build_objective


class Declared:
    positive: Annotated[float, Gt(0), "above nothing"] = 1.0
    share: Annotated[float, Ge(0), Lt(0.5), "a share"] = 0.1
    closed: Annotated[float, Interval(ge=-1, le=1), "a cosine"] = 0.0
    count: Annotated[int, Ge(1), "how many"] = 2
    below: Annotated[float, Le(0), "a log-probability"] = -1.0
    kind: Annotated[Literal["sigmoid", "hinge"], "which loss"] = "sigmoid"
    maybe: Annotated[float | None, "none, or a bound"] = None
    words: Annotated[str, "any text"] = "weight"
    not_one: float = 3.0


FIELDS = read_settings(Declared)


def test_ranges_and_types_are_described_in_words() -> None:
    assert {each.name: f"{each.type} {each.range}".strip() for each in FIELDS} == {
        "positive": "float > 0",
        "share": "float in [0, 0.5)",
        "closed": "float in [-1, 1]",
        "count": "int ≥ 1",
        "below": "float ≤ 0",
        "kind": "one of 'sigmoid', 'hinge'",
        "maybe": "float | None",
        "words": "str",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("positive", 2), ("share", 0), ("closed", -1.0), ("count", 7), ("kind", "hinge"), ("maybe", None), ("maybe", 1.5)],
)
def test_right_values_are_taken(name: str, value: Any) -> None:
    assert validated(FIELDS, {name: value}, "declared")[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positive", 0.0),
        ("positive", True),
        ("positive", "1.0"),
        ("positive", float("nan")),
        ("positive", float("inf")),
        ("positive", None),
        ("share", 0.5),
        ("closed", 1.01),
        ("count", 1.0),
        ("count", True),
        ("kind", "hing"),
        ("maybe", "none"),
        ("words", True),
    ],
)
def test_wrong_values_are_refused_with_what_was_found_and_expected(name: str, value: Any) -> None:
    field = next(each for each in FIELDS if each.name == name)
    with pytest.raises(ConfigurationError) as caught:
        validated(FIELDS, {name: value}, "declared")
    told = str(caught.value)
    for part in ("declared", name, repr(value), type(value).__name__, field.range, field.doc, repr(field.default)):
        assert part in told


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (-1.0, "-1"), (1e6, "1000000"), (0.5, "0.5")])
def test_a_number_for_a_text_is_its_text_as_documents_and_command_lines_write_it(value: float, text: str) -> None:
    assert validated(FIELDS, {"words": value}, "declared")["words"] == text


@pytest.mark.parametrize("layer", ["1", 1, "-1"])
def test_a_layer_may_be_a_number_in_a_recipe(layer: Any) -> None:
    recipe = make_recipe({"model": "m", "data": "d", "objective": {"name": "rmu", "layer": layer}})
    assert build_objective(recipe).hyper["layer"] == str(layer)


def test_an_integer_for_a_number_becomes_one() -> None:
    assert isinstance(DPO(beta=1).beta, float)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"no hyper-parameter 'bta'. Did you mean 'beta'"):
        DPO(bta=0.1)


def test_a_number_with_an_exponent_is_a_number_though_yaml_reads_a_text() -> None:
    given: dict[str, Any] = {"positive": "1e6", "below": "-2.5E-3", "maybe": "1e-3", "words": "1e6"}
    found = validated(FIELDS, given, "judge x")
    assert (found["positive"], found["below"], found["maybe"], found["words"]) == (1e6, -2.5e-3, 1e-3, "1e6")
    for wrong in ({"positive": "0.5"}, {"positive": "1e999"}, {"positive": "e3"}, {"count": "1e3"}):
        with pytest.raises(ConfigurationError, match="expected"):
            validated(FIELDS, wrong, "judge x")
