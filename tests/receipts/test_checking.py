"""Verdicts on published cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError
from penchant.receipts.checking import check_case, check_file

INPUTS = {"chosen": {"policy": [[-1.0, -3.0]]}}


def case(expected: Any, method: str = "nll", notes: str = "", **more: Any) -> dict[str, Any]:
    return {"method": method, "case": "a", "params": {}, "inputs": INPUTS, "expected": expected, "notes": notes} | more


@pytest.mark.parametrize(
    ("expected", "verdict", "difference", "detail"),
    [
        ({"loss": 2.0, "grad": {"chosen.policy": [[-0.5, -0.5]]}}, "exact", 0.0, ""),
        ({"loss": 2.0000001}, "within", 1e-7, ""),
        ({"loss": 2.1}, "differs", 0.1, "loss is 2.0, expected 2.1"),
        ({"losses": [2.0], "grad": {"chosen.policy": [[-0.5, 0.5]]}}, "differs", 1.0, "grad.chosen.policy[0][1] is"),
        ({"losses": [2.0, 1.0]}, "differs", None, "losses has length 1, expected 2"),
        ({"loss": 2.0, "kl": 0.5}, "differs", 0.0, "kl is not among the results"),
        ({"loss": [2.0]}, "differs", None, "loss has length 2.0, expected 1"),
        ({"loss": True}, "differs", None, "loss is 2.0, expected True"),
        ({"loss": float("nan")}, "differs", float("nan"), "loss is 2.0"),
        ({"loss": None, "grad": {"chosen.policy": None}}, "computed", None, ""),
        ({"loss": None, "losses": [2.0]}, "exact", 0.0, ""),
    ],
)
def test_the_verdict_names_the_first_difference(expected: Any, verdict: str, difference: Any, detail: str) -> None:
    found = check_case(case(expected))
    assert found.verdict == verdict and detail in found.detail
    assert found.difference == (None if difference is None else pytest.approx(difference, rel=1e-6, nan_ok=True))
    assert found.got is not None and set(found.got) == set(expected)


@pytest.mark.parametrize(
    ("notes", "verdict"),
    [
        ("", "differs"),
        ("compare with rtol 1e-3", "within"),
        ("tolerance 1e-3 on weights", "within"),
        ("rtol 1e-8", "differs"),
    ],
)
def test_a_tolerance_in_the_notes_counts(notes: str, verdict: str) -> None:
    assert check_case(case({"loss": 2.001}, notes=notes)).verdict == verdict


def test_got_has_the_keys_of_expected_with_null_for_what_is_not_produced() -> None:
    found = check_case(case({"loss": None, "kl": None, "grad": {"chosen.policy": None}}))
    assert found.got == {"loss": 2.0, "kl": None, "grad": {"chosen.policy": [[-0.5, -0.5]]}}
    assert found.verdict == "differs" and "kl" in found.detail


def test_an_error_is_a_verdict_that_names_it() -> None:
    found = check_case(case({"loss": 1.0}, inputs={}))
    assert found.verdict == "failed" and "ConfigurationError" in found.detail and "'chosen'" in found.detail
    assert found.got is None and not found.good


def test_an_input_that_an_adapter_misses_is_named() -> None:
    found = check_case(case({"loss": 1.0}, method="kto", inputs={"responses": {"policy": [], "reference": []}}))
    assert found.verdict == "failed" and "case 'a' of kto: The input 'mismatched' is missing" in found.detail
    assert "the case has 'responses'" in found.detail


def test_an_unknown_method_is_not_built_yet() -> None:
    found = check_case(case({"loss": 1.0}, method="no-such-method"))
    assert (found.verdict, found.got, found.good) == ("not built yet", None, True)


def test_files_that_are_no_cases_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    with pytest.raises(DataError, match=r"cases\.json: .*cannot be read"):
        check_file(path)
    for text, said in (
        ("{", "is not JSON"),
        ("[]", "contains no cases"),
        ("{}", "Found dict"),
        ('[{"method": "nll"}]', r"\[0\]: .*no 'inputs'"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=said):
            check_file(path)
    path.write_text(json.dumps([case({"loss": 2.0})]))
    assert [each.verdict for each in check_file(path)] == ["exact"]


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"responses": {"policy": [[-1.0]]}}},
        {"params": {"no_such_setting": 1.0}},
        {"method": "grpo", "inputs": {"tokens": [1]}},
        {"method": "diffusion-dpo", "params": {"loss_type": "no such loss"}},
        {"method": "iterative-dpo", "params": {"rule": "no_such_rule"}, "inputs": {"rewards": [[1.0, 0.0]]}},
    ],
)
def test_a_case_of_a_built_method_that_cannot_be_evaluated_fails(change: dict[str, Any]) -> None:
    assert check_case(case({"loss": 1.0}, **change)).verdict == "failed"


def test_the_method_that_was_evaluated_is_named() -> None:
    errors = {side: {"policy": [0.1], "reference": [0.2]} for side in ("winner", "loser")}
    found = {
        kind: check_case(case(None, "diffusion-dpo", params={"loss_type": kind}, inputs={"errors": errors})).evaluated
        for kind in ("sigmoid", "hinge", "ipo")
    }
    assert found == {"sigmoid": "dpo", "hinge": "slic-hinge", "ipo": "ipo"}
    assert check_case(case(None)).evaluated == "nll" and check_case(case(None, "no-such-method")).evaluated == ""


def test_an_id_of_two_files_is_told_apart_by_the_file(tmp_path: Path) -> None:
    pair = {side: {"policy": [[-1.0]], "reference": [[-1.0]]} for side in ("chosen", "rejected")}
    one = case(None, "rdpo", params={"beta": 0.1, "label_smoothing": 0.1}, inputs=pair)
    verdicts = {}
    for stem in ("pairwise", "multimodal-and-data-construction", "cases"):
        path = tmp_path / f"{stem}.json"
        path.write_text(json.dumps([one]))
        verdicts[stem] = check_file(path)[0].verdict
    assert verdicts == {
        "pairwise": "computed",
        "multimodal-and-data-construction": "not built yet",
        "cases": "computed",
    }


@pytest.mark.parametrize("joined", [False, True])
def test_both_sides_of_pairs_may_be_one_list(joined: bool) -> None:
    view = {"policy": [[-1.0, -2.0, -4.0]], "reference": [[-1.0, -1.0, -1.0]]}
    other = {"policy": [[-3.0]], "reference": [[-1.0]]}
    expected = {"chosen": [-1.0 - 0.5 * 6.0], "rejected": [-3.0]}
    case = {
        "method": "ld-dpo",
        "params": {"ld_alpha": 0.5, "apply_to_reference": False},
        "inputs": {"chosen": view, "rejected": other},
        "expected": {"policy_seq_logps": [*expected["chosen"], *expected["rejected"]] if joined else expected},
    }
    found = check_case(case)
    assert found.verdict == "exact" and found.got == case["expected"], found.detail
