"""Preference losses as logic: what holds of formulas, counts and relations, and of the losses compiled from them."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.drawing import random_inputs
from penchant.errors import ConfigurationError
from penchant.objectives import build, evaluate, names
from penchant.objectives.logic import (
    ATOMS,
    KNOWN,
    LogicLoss,
    PreferenceStructure,
    Proposition,
    Structure,
    all_structures,
    atom,
    compile_structure,
    known,
    log_count,
    neighbours,
    polynomial_text,
    preference_losses,
    read_formula,
    relation,
    write_formula,
)
from penchant.objectives.logic.equations import read_polynomial
from penchant.objectives.logic.writing import VARIABLES

ALL_TWO = list(all_structures())
propositions = st.integers(1, 2**16 - 1).map(Proposition)
two_atom_structures = st.sampled_from([each for each in ALL_TWO if each.top.worlds and each.bottom.worlds])
probabilities = st.lists(st.floats(1e-6, 1 - 1e-6), min_size=4, max_size=4)


def logs(values: list[float]) -> dict[str, torch.Tensor]:
    """log p of each atom, as batches of one."""
    return {name: torch.tensor([value], dtype=torch.float64).log() for name, value in zip(ATOMS, values, strict=True)}


def brute_force(proposition: Proposition, values: list[float]) -> float:
    """The weighted count, world by world, in plain probabilities."""
    total = 0.0
    for truth in itertools.product((True, False), repeat=4):
        if proposition.holds([name for name, true in zip(ATOMS, truth, strict=True) if true]):
            total += math.prod(value if true else 1 - value for value, true in zip(values, truth, strict=True))
    return total


def rho(structure: Structure, values: list[float]) -> float:
    return float(log_count(structure.top, logs(values)) - log_count(structure.bottom, logs(values)))


# --- formulas -------------------------------------------------------------------------------------------------------


@given(propositions)
def test_a_written_formula_is_read_back_as_the_same_worlds(proposition: Proposition) -> None:
    assert read_formula(write_formula(proposition)) == proposition


@given(propositions, probabilities)
def test_a_written_polynomial_is_the_count(proposition: Proposition, values: list[float]) -> None:
    # Factors stand side by side, as on paper.
    text = re.sub(r"(?<=[\w)]) (?=[\w(])", "*", polynomial_text(proposition).replace("−", "-"))
    value = eval(text, {}, dict(zip(VARIABLES.values(), values, strict=True)))
    assert value == pytest.approx(brute_force(proposition, values), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("M(l) -> M(w)", "not M(l) or M(w)"),
        ("¬M(l) ∨ M(w)", "not (M(l) and not M(w))"),
        ("M(w) ^ M(l)", "(M(w) or M(l)) and not (M(w) and M(l))"),
        ("M(w) xor M(l)", "not (M(w) iff M(l))"),
        ("M(w) -> M(l) -> R(w)", "M(w) implies (M(l) implies R(w))"),
        ("M(w) or M(l) and R(w)", "M(w) or (M(l) and R(w))"),
        ("not M(w) and M(l)", "(not M(w)) and M(l)"),
        ("M( w ) <-> true", "M(w)"),
        ("false or ⊥", "not true"),
    ],
)
def test_words_signs_and_binding(text: str, same: str) -> None:
    assert read_formula(text) == read_formula(same)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("M(l) implis M(w)", r"'implis' at character 6.*Did you mean 'implies'"),
        ("M(x) and M(w)", r"'M\(x\)' at character 1"),
        ("(M(w) or M(l)", r"its end, expected '\)'"),
        ("M(w) and", r"found its end, expected an atom"),
        ("", r"found its end"),
        ("M(w) M(l)", r"expected the end of the formula"),
        ("M(w) $ M(l)", r"'\$' at character 6"),
    ],
)
def test_what_is_no_formula_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_formula(text)


# --- counting -------------------------------------------------------------------------------------------------------


@given(propositions, probabilities)
def test_the_count_in_logarithms_is_the_sum_over_worlds(proposition: Proposition, values: list[float]) -> None:
    assert float(log_count(proposition, logs(values)).exp()) == pytest.approx(
        brute_force(proposition, values), rel=1e-9
    )


def test_counts_of_responses_without_probability_do_not_underflow() -> None:
    far = {name: torch.tensor([-1e4 - place], dtype=torch.float64) for place, name in enumerate(ATOMS)}
    structure = Structure.from_formulas("M(w) and not M(l)", "M(l) and not M(w)")
    assert float(log_count(structure.top, far) - log_count(structure.bottom, far)) == pytest.approx(1.0)


def test_an_atom_on_which_nothing_depends_is_no_part_of_the_count() -> None:
    assert float(log_count(atom("M(w)"), {"M(w)": torch.tensor([-3.0])})) == -3.0


def test_a_contradiction_has_no_count() -> None:
    with pytest.raises(ConfigurationError, match="is a contradiction"):
        log_count(read_formula("M(w) and not M(w)"), logs([0.5] * 4))


# --- compiling and decompiling --------------------------------------------------------------------------------------


def test_there_are_256_structures_of_two_atoms_and_each_survives_the_round_trip() -> None:
    assert len(ALL_TWO) == len(set(ALL_TWO)) == 256
    for structure in ALL_TWO:
        assert structure.preference.structure == structure
        texts = (write_formula(structure.top), write_formula(structure.bottom))
        assert Structure.from_formulas(*texts) == structure


@given(propositions, propositions)
def test_the_round_trip_is_the_identity_with_a_reference_too(top: Proposition, bottom: Proposition) -> None:
    structure = Structure(top, bottom)
    assert structure.preference.structure == structure
    assert read_formula(structure.core_text) == structure.preference.core


@pytest.mark.parametrize("truth", list(itertools.product((0, 1), repeat=4)))
def test_every_two_atom_proposition_is_read_back_from_its_polynomial(truth: tuple[int, ...]) -> None:
    cubes = ["p_w * p_l", "p_w * (1 - p_l)", "(1 - p_w) * p_l", "(1 - p_w) * (1 - p_l)"]
    text = " + ".join(cube for cube, true in zip(cubes, truth, strict=True) if true) or "0"
    found = read_polynomial(text)
    worlds = [["M(w)", "M(l)"], ["M(w)"], ["M(l)"], []]
    assert [found.holds(world) for world in worlds] == [bool(true) for true in truth]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p_w * p_w", "'p_w' is multiplied by itself"),
        ("p_w + p_l", "with p_w, p_l = 1 and the rest 0 its value is 2"),
        ("p_w - 1", "with all variables 0 its value is -1"),
        ("p_w / p_l", r"only \+, -, \*"),
        ("p_x", "no variable 'p_x'. Did you mean"),
        ("p_w *", "does not parse"),
    ],
)
def test_a_polynomial_that_counts_nothing_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_polynomial(text)


# --- identities of published losses ---------------------------------------------------------------------------------


@given(probabilities)
def test_the_rho_of_published_losses(values: list[float]) -> None:
    better, worse, ref_better, ref_worse = values
    logit = {name: math.log(value) - math.log1p(-value) for name, value in (("w", better), ("l", worse))}
    expected = {
        "nll": logit["w"],
        "cpo": math.log(better) - math.log(worse),
        "orpo": logit["w"] - logit["l"],
        "uncpo": math.log(better * worse + 1 - worse) - math.log(worse * (1 - better)),
        "dpo": math.log(better / ref_better) - math.log(worse / ref_worse),
        "asft": math.log(better * (1 - worse)) - math.log(1 - better * (1 - worse)),
    }
    for name, value in expected.items():
        assert rho(known(name).structure, values) == pytest.approx(value, rel=1e-6, abs=1e-6)


def test_their_preference_structures() -> None:
    found = {
        name: tuple(map(write_formula, (each.core, each.condition, each.additive)))
        for name, each in ((name, known(name).structure.preference) for name in ("cpo", "orpo", "uncpo", "nll"))
    }
    assert found["cpo"] == ("M(l) implies M(w)", "M(w) or M(l)", "M(w) and M(l)")
    assert found["orpo"] == ("M(l) implies M(w)", "M(w) xor M(l)", "false")
    assert found["uncpo"] == ("M(l) implies M(w)", "true", "false")
    assert found["nll"] == ("M(w)", "true", "false")
    dpo = known("dpo").structure
    assert (dpo.top, dpo.bottom) == (read_formula("M(w) and R(l)"), read_formula("M(l) and R(w)"))


HOLD = {("ce-unlikelihood", each) for each in ("nll", "cpo", "orpo", "uncpo")} | {
    (each, "uncpo") for each in ("nll", "cpo", "orpo")
}


def test_the_entailments_that_hold_and_no_others() -> None:
    five = ("nll", "ce-unlikelihood", "cpo", "orpo", "uncpo")
    found = {(a, b) for a, b in itertools.permutations(five, 2) if known(a).structure.entails(known(b).structure)}
    assert found == HOLD
    assert relation(known("cpo").structure, known("orpo").structure) == "neither"
    assert relation(known("simpo").structure, known("dpo").structure) == "is equivalent to it"


@settings(max_examples=300)
@given(two_atom_structures, two_atom_structures, probabilities)
def test_entailment_implies_the_order_of_rho_and_of_the_losses(
    first: Structure, second: Structure, values: list[float]
) -> None:
    # Whatever was drawn, the meet of both entails each of them.
    both = Structure(first.top & second.top, first.bottom | second.bottom)
    if not both.top.worlds:
        return
    for weaker in (first, second):
        assert both.entails(weaker)
        assert rho(both, values) <= rho(weaker, values) + 1e-9
        link = torch.nn.functional.softplus
        stronger_loss, weaker_loss = (link(torch.tensor(-0.3 * rho(each, values))) for each in (both, weaker))
        assert stronger_loss >= weaker_loss - 1e-6


@given(two_atom_structures, two_atom_structures)
def test_without_entailment_some_model_breaks_the_order(first: Structure, second: Structure) -> None:
    grid = [[a, b, 0.5, 0.5] for a in (1e-6, 0.5, 1 - 1e-6) for b in (1e-6, 0.5, 1 - 1e-6)]
    top_fails = any(brute_force(first.top, v) > brute_force(second.top, v) + 1e-9 for v in grid)
    bottom_fails = any(brute_force(second.bottom, v) > brute_force(first.bottom, v) + 1e-9 for v in grid)
    assert first.entails(second) == (not top_fails and not bottom_fails)


def test_entailment_is_an_order_and_equivalence_is_equality() -> None:
    sample = ALL_TWO[::7]
    for a, b in itertools.product(sample, repeat=2):
        assert (a.entails(b) and b.entails(a)) == (a == b)
        for c in sample[::5]:
            assert not (a.entails(b) and b.entails(c)) or a.entails(c)


@given(two_atom_structures, probabilities)
def test_a_reference_subtracts_its_own_rho(structure: Structure, values: list[float]) -> None:
    alone = [*values[:2], 0.5, 0.5]
    of_reference = [*values[2:], 0.5, 0.5]
    expected = rho(structure, alone) - rho(structure, of_reference)
    assert rho(structure.with_reference(), values) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_reference_undoes_entailment() -> None:
    # ρ and ρ_ref grow together, so nothing is known of their difference.
    a, b = known("orpo").structure.with_reference(), known("uncpo").structure.with_reference()
    assert relation(a, b) == "neither"
    with pytest.raises(ConfigurationError, match="already contain the reference"):
        a.with_reference()


# --- deriving -------------------------------------------------------------------------------------------------------


def test_the_sixteen_losses_that_prefer_the_winner() -> None:
    found = list(preference_losses())
    assert len(set(found)) == 16
    assert {known(name).structure for name in ("nll", "ce-unlikelihood", "cpo", "orpo", "uncpo")} <= set(found)
    for structure in found:
        # A model sure of the winner alone has the larger ρ than one sure of the loser alone.
        assert rho(structure, [0.99, 0.01, 0.5, 0.5]) > 0 > rho(structure, [0.01, 0.99, 0.5, 0.5])


@pytest.mark.parametrize("name", ["cpo", "orpo", "dpo"])
def test_neighbours_are_the_other_losses_related_ones_first(name: str) -> None:
    found = neighbours(known(name))
    assert len(found) == 15 and known(name).base not in [each.structure for each in found]
    related = [each.relation != "neither" for each in found]
    assert related == sorted(related, reverse=True)
    assert [each.ids for each in found if each.structure == known("uncpo").structure] == [("uncpo",)]
    assert any(not each.ids for each in found), "some are new"


# --- the objective --------------------------------------------------------------------------------------------------


def test_the_default_is_the_odds_ratio_of_orpo() -> None:
    inputs = {"chosen": {"policy": [[-1.0, -2.0]]}, "rejected": {"policy": [[-3.0]]}}
    odds = (-1.5 - math.log1p(-math.exp(-1.5))) - (-3.0 - math.log1p(-math.exp(-3.0)))
    assert evaluate("logic", {}, inputs)["losses"] == pytest.approx([math.log1p(math.exp(-odds))], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "hyper", "compiled"),
    [
        ("dpo", {"beta": 0.3}, {"beta": 0.3}),
        ("spin", {"beta": 0.3}, {"beta": 0.3}),
        ("ipo", {"beta": 0.3, "average_log_prob": False}, {"beta": 0.3, "link": "squared"}),
        ("slic-hinge", {"beta": 1.0}, {"beta": 1.0, "link": "hinge"}),
    ],
)
def test_compiled_from_its_symbolic_form_a_loss_is_the_objective_of_that_name(
    name: str, hyper: dict[str, Any], compiled: dict[str, Any]
) -> None:
    objective = build(name, **hyper)
    again = compile_structure(known(name).structure, average=False, **compiled)
    inputs = random_inputs(objective, seed=3)
    torch.testing.assert_close(again(**inputs).values, objective(**inputs).values)


def test_what_every_decreasing_link_makes_of_rho() -> None:
    inputs = random_inputs(build("logic"), seed=4)
    rho_of = build("logic")(**inputs).statistics["rho"]
    expected = {
        "logistic": torch.nn.functional.softplus(-0.5 * rho_of),
        "squared": (rho_of - 1.0) ** 2,
        "hinge": (0.5 - rho_of).relu(),
        "perceptron": (-rho_of).relu(),
    }
    for link, values in expected.items():
        torch.testing.assert_close(build("logic", link=link, beta=0.5)(**inputs).values.detach(), values)


def test_the_logistic_loss_is_the_semantic_loss_where_top_and_bottom_exclude_each_other() -> None:
    inputs = random_inputs(build("logic"), seed=5)
    objective = build("logic", formula="M(l) implies M(w)", condition="M(w) or M(l)")
    told = objective.structure
    atoms = {"M(w)": inputs["chosen"].mean_logp, "M(l)": inputs["rejected"].mean_logp}
    given_condition = log_count(told.top | told.bottom, atoms) - log_count(told.top, atoms)
    torch.testing.assert_close(objective(**inputs).values, given_condition)


def test_a_statement_and_its_top_and_bottom_are_one_objective() -> None:
    inputs = random_inputs(build("logic"), seed=6)
    first = build("logic", formula="M(l) implies M(w)", condition="M(w) or M(l)", additive="M(w) and M(l)")
    second = build("logic", top="M(w)", bottom="M(l)")
    assert first.structure == second.structure == known("cpo").structure
    torch.testing.assert_close(first(**inputs).values, second(**inputs).values)


def test_the_reference_is_asked_for_only_where_the_formulas_speak_of_it() -> None:
    assert not build("logic").requirements.needs.reference
    assert build("logic", reference=True).requirements.needs.reference
    assert build("logic", top="M(w) and R(l)", bottom="M(l) and R(w)").requirements.needs.reference


@pytest.mark.parametrize(
    ("hyper", "told"),
    [
        ({"top": "M(w) and not M(w)"}, "The top is a contradiction"),
        ({"top": "M(w)", "bottom": "M(l)", "formula": "M(w)"}, "'formula' is given together with 'top' or 'bottom'"),
        ({"condition": "M(w)"}, "need 'formula'"),
        ({"top": "M(w)", "bottom": "M(w)"}, "are equivalent"),
        ({"formula": "true"}, "The bottom is a contradiction"),
        ({"top": "M(w) and R(l)", "reference": True}, "already contain the reference"),
        ({"formula": "M(v)"}, "is not a formula"),
    ],
)
def test_formulas_that_train_nothing_are_refused(hyper: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        LogicLoss(**hyper)


def test_every_derived_loss_has_finite_losses_and_gradients_at_the_extremes() -> None:
    for structure in preference_losses():
        for reference in (False, True):
            objective = compile_structure(structure, reference=reference, average=False)
            for low, high in ((-1e4, 0.0), (0.0, -1e4), (0.0, 0.0), (-1e4, -1e4)):
                values = {"chosen": low, "rejected": high}
                views = {
                    name: {"policy": [[value]], "reference": [[value]] if reference else None}
                    for name, value in values.items()
                }
                found = evaluate(objective, {}, views)
                numbers = [found["loss"], *found["grad"]["chosen.policy"][0], *found["grad"]["rejected.policy"][0]]
                assert all(map(math.isfinite, numbers)), (objective, low, high, numbers)


def test_a_symbolic_form_is_known_under_its_own_id() -> None:
    assert all(each.id == name for name, each in KNOWN.items())
    assert {"dpo", "ipo", "rdpo", "slic-hinge", "nll"} <= set(KNOWN) & set(names())
    with pytest.raises(ConfigurationError, match="Did you mean 'dpo'"):
        known("dpoo")


def test_the_statement_of_a_preference_structure_is_what_it_says() -> None:
    told = PreferenceStructure(read_formula("M(l) implies M(w)"))
    assert told.structure == known("uncpo").structure
