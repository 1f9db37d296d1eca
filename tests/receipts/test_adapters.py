"""How the adapter of a case is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.receipts.adapters import ADAPTERS, SHARED_IDS, adapter, find_adapter, means_another
from penchant.receipts.cases import Case
from penchant.receipts.checking import check_case
from penchant.receipts.evaluation import find_evaluation, method_of
from penchant.registry import place_of

Say = Callable[[Case], dict[str, Any]]


@pytest.fixture
def two_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The id ``twice`` stands in two files; what a test registers goes with it."""
    monkeypatch.setitem(SHARED_IDS, "twice", ("first", "second"))
    held = set(ADAPTERS)
    yield
    for name in set(ADAPTERS) - held:
        ADAPTERS.remove(name)


def saying(word: str) -> Say:
    return lambda case: {"said": word}


def case(file: str = "", method: str = "twice") -> Case:
    return Case(method, {}, {}, "a", file)


@pytest.mark.usefixtures("two_files")
def test_a_registered_function_takes_part_with_its_own_array_types() -> None:
    @adapter("doubling", "doubling-again")
    def doubling(case: Case) -> dict[str, Any]:
        return {"doubled": 2 * torch.tensor(case.inputs["x"]), "name": case.method, "flags": (True, False)}

    for name in ("doubling", "doubling-again"):
        expected = {"doubled": [2.0, 4.0], "name": name, "flags": [True, False]}
        assert check_case({"method": name, "inputs": {"x": [1.0, 2.0]}, "expected": expected}).verdict == "exact"
    with pytest.raises(ConfigurationError, match="'doubling' is already taken by"):
        adapter("doubling")(saying("another"))


@pytest.mark.usefixtures("two_files")
def test_the_same_id_in_two_files_is_two_adapters() -> None:
    adapter("twice", file="first")(saying("one"))
    assert find_evaluation(case("first")) is not None and find_evaluation(case("second")) is None
    adapter("twice", file="second", evaluates="other")(lambda case: {"said": "two"})
    found = {file: find_adapter(case(file)) for file in ("first", "second", "elsewhere", "")}
    said = {file: each(case(file))["said"] for file, each in found.items() if each}
    assert said == {"first": "one", "second": "two", "elsewhere": "one", "": "one"}
    assert method_of(case("first")) == "twice" and method_of(case("second")) == "other"


@pytest.mark.usefixtures("two_files")
def test_two_forms_of_one_method_need_the_file() -> None:
    adapter("twice", file="first")(saying("one"))
    adapter("twice", file="second")(lambda case: {"said": "two"})
    with pytest.raises(ConfigurationError, match=r"first, second.*Name the file"):
        find_adapter(case())


@pytest.mark.parametrize(("method", "file"), [("twice", ""), ("twice", "third"), ("once", "first")])
@pytest.mark.usefixtures("two_files")
def test_an_adapter_names_a_file_exactly_where_its_id_stands_in_several(method: str, file: str) -> None:
    with pytest.raises(ConfigurationError, match=f"adapter of '{method}' is given the file '{file}'"):
        adapter(method, file=file)(saying("one"))


@pytest.mark.usefixtures("two_files")
def test_a_method_whose_file_nobody_names_fails_instead_of_being_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHARED_IDS, "nll", ("first", "second"))
    with pytest.raises(ConfigurationError, match=r"several files.*Register an adapter with file= one of first, second"):
        means_another(case("first", "nll"))
    verdict = check_case({"method": "nll", "inputs": {"chosen": {"policy": [[-1.0]]}}}, "first")
    assert verdict.verdict == "failed" and "Register an adapter" in verdict.detail


@pytest.mark.usefixtures("two_files")
def test_the_method_may_follow_from_the_case() -> None:
    adapter("several", evaluates=lambda case: str(case.params["kind"]))(saying("one"))
    assert [method_of(Case("several", {"kind": kind}, {})) for kind in ("a", "b")] == ["a", "b"]


def test_every_adapter_of_the_package_stands_in_a_file_of_receipts() -> None:
    places = {place_of(each).rpartition(".")[0] for each in ADAPTERS.things()}
    ours = {place for place in places if place.startswith("penchant.")}
    assert {place.removeprefix("penchant.receipts.") for place in ours} >= {"pairwise", "policy_gradient", "diffusion"}
    assert all(place.startswith("penchant.receipts.") for place in ours)
