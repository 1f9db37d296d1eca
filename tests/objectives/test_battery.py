"""One battery over all objectives: a new method is one file, with a row of numbers by hand beside its test."""

from __future__ import annotations

import copy
import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from objectives.drawing import filled, gradients, leaf, random_inputs, select, views_of
from penchant.errors import ConfigurationError
from penchant.feedback.views import view_names
from penchant.objectives import Objective, Scored, aliases, build, evaluate, get, is_method, names, wrapper_names
from penchant.objectives.core.composite import components_of
from penchant.objectives.core.description import formula
from penchant.receipts.checking import check_file

# Other tests define objectives of their own; the battery is for those of the package.
EVERY = [name for name in names() if get(name).__module__.startswith("penchant.")]
#: Cases with their sources (repository, file, commit), one file for each method.
PUBLISHED = Path(__file__).parent / "published"
#: Losses computed by hand: a list in each family's folder.
BY_HAND = [
    row
    for path in sorted(Path(__file__).parent.glob("*/by_hand.py"))
    for row in importlib.import_module(f"objectives.{path.parent.name}.by_hand").BY_HAND
]
PAIRWISE = [name for name in EVERY if {"chosen", "rejected"} <= set(build(name).requirements.views)]

# Objectives around objectives, which are held to everything that a method is held to.
COMPOSED = [
    "averaged(rdpo)",
    "clipped(dpo)",
    "smoothed(slic-hinge)",
    "tail-weighted(rdpo)+0.2*nll",
    "unbiased(ipo)",
    "weighted(dpo)",
    "wpo-weighted(smoothed(averaged(tail-weighted(dpo+nll))))",
]


def exempt_from(objective: Objective, law: str) -> bool:
    """Whether the objective, or one inside it, declares that a law does not hold for it."""
    return any(law in part.exempt.reasons() for part in components_of(objective))


def first_losses(objective: Objective, inputs: dict[str, Any]) -> torch.Tensor:
    """The losses of a copy, so that what an objective remembers of a batch changes no later call."""
    return copy.deepcopy(objective)(**inputs).values


def variants(name: str) -> list[Objective]:
    """The objective with its defaults, and with every boolean hyper-parameter turned round."""
    switches = [each for each in get(name).hyperparameters() if each.type == "bool"]
    return [build(name), *(build(name, **{each.name: not each.default}) for each in switches)]


VARIANTS = [pytest.param(each, id=repr(each)) for name in EVERY for each in variants(name)]
VARIANTS += [pytest.param(build(text), id=text) for text in COMPOSED]
# Where further fields say how good each response is, the margin alone does not say which one is raised.
MARGIN_VARIANTS = [
    pytest.param(each, id=repr(each))
    for name in PAIRWISE
    for each in variants(name)
    if not each.requirements.fields and each.requirements.needs.scores and not exempt_from(each, "zero_margin")
]
PAIRWISE_VARIANTS = [pytest.param(each, id=repr(each)) for name in PAIRWISE for each in variants(name)]


@pytest.mark.parametrize(("name", "hyper", "views", "expected"), BY_HAND)
def test_the_loss_is_the_one_computed_by_hand(
    name: str, hyper: dict[str, Any], views: dict[str, Any], expected: float
) -> None:
    assert evaluate(name, hyper, views)["losses"] == pytest.approx([expected], rel=1e-12)


def test_every_method_has_a_loss_computed_by_hand() -> None:
    assert set(EVERY) - {row[0] for row in BY_HAND} == set()


def test_the_formula_of_every_alias_is_computed_by_hand() -> None:
    own = {name for name, method in aliases().items() if get(method).__module__.startswith("penchant.")}
    assert own - {row[0] for row in BY_HAND} == set()


#: Files of cases beside the checkout; without them the tests say so.
ORACLES = sorted(path.name for path in (Path(__file__).parents[3] / "shared" / "oracles").glob("*.json")) or ["absent"]


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.stem)
def test_numbers_of_published_implementations_are_met(path: Path) -> None:
    found = check_file(path)
    assert {each.method for each in found} == {path.stem}
    assert [each for each in found if each.verdict not in ("exact", "within")] == []


@pytest.mark.parametrize("name", ORACLES)
def test_every_shared_case_of_an_objective_is_met(name: str, shared: Path) -> None:
    found = check_file(shared / "oracles" / name)
    assert found
    # "not built yet" is, for an id that is built, another method of the same name.
    good = ("exact", "within", "not built yet")
    assert [each for each in found if is_method(each.method) and each.verdict not in good] == []


@pytest.mark.parametrize("objective", VARIANTS)
@pytest.mark.parametrize("policy", [-1e4, 0.0])
@pytest.mark.parametrize("reference", [-1e4, 0.0])
def test_extreme_log_probabilities_give_finite_losses_and_gradients(
    objective: Objective, policy: float, reference: float
) -> None:
    for dtype in (torch.float32, torch.float64):
        inputs = filled(random_inputs(objective, seed=1, dtype=dtype), policy, reference)
        values = objective(**inputs).values
        assert torch.isfinite(values).all()
        assert all(torch.isfinite(each).all() for each in gradients(values.sum(), inputs))


@pytest.mark.parametrize("objective", PAIRWISE_VARIANTS)
def test_opposite_extremes_give_finite_losses_and_gradients(objective: Objective) -> None:
    inputs = random_inputs(objective, seed=2)
    for low, high in ((-1e4, 0.0), (0.0, -1e4)):
        # Fresh views each time: the sums of the old ones are kept.
        inputs = filled(inputs, low, high)
        inputs["rejected"] = filled({"view": inputs["rejected"]}, high, low)["view"]
        values = objective(**inputs).values
        assert torch.isfinite(values).all()
        assert all(torch.isfinite(each).all() for each in gradients(values.sum(), inputs))


@pytest.mark.parametrize("objective", MARGIN_VARIANTS)
def test_at_zero_margin_the_chosen_response_is_raised_and_the_rejected_lowered(objective: Objective) -> None:
    hold_zero_margin(objective)


def hold_zero_margin(objective: Objective) -> None:
    inputs = filled(random_inputs(objective, seed=3), -1.0, -1.0)
    inputs["rejected"] = filled({"view": inputs["chosen"]}, -1.0, -1.0)["view"]
    chosen, rejected = inputs["chosen"], inputs["rejected"]
    values = objective(**inputs).values
    # All pairs have the same margin, 0, so they have the same loss, whatever their lengths.
    torch.testing.assert_close(values, values[:1].expand_as(values))
    up, down = torch.autograd.grad(values.sum(), [chosen.policy, rejected.policy])
    assert (up[chosen.mask] < 0).all() and (down[rejected.mask] > 0).all()


@pytest.mark.parametrize("objective", PAIRWISE_VARIANTS)
def test_equal_models_have_rewards_of_exactly_zero(objective: Objective) -> None:
    view = random_inputs(objective, seed=4)["chosen"]
    apart = {name: torch.zeros_like(each) if "kl" in name else each for name, each in view.stats.items()}
    equal = replace(view, reference=view.policy, stats=apart)
    rewards = objective.rewards(equal)
    if rewards is None or not objective.needs.reference:
        assert rewards is None or rewards.shape == (4,)
    else:
        assert (rewards == 0).all() and not rewards.requires_grad


@pytest.mark.parametrize("objective", VARIANTS)
def test_gradients_agree_with_finite_differences(objective: Objective) -> None:
    if objective.batch_coupled or exempt_from(objective, "value_gradient"):
        return  # what its examples share may be a constant to the gradient, as each such method's own test says
    hold_value_gradient(objective)


def hold_value_gradient(objective: Objective) -> None:
    inputs = random_inputs(objective, seed=5, examples=2)
    views = views_of(inputs)

    def losses(*policies: torch.Tensor) -> torch.Tensor:
        for view, policy in zip(views, policies, strict=True):
            # A fresh view each time: the sums of the old one are kept.
            fresh[id(view)] = replace(view, **{leaf(view): policy})
        return first_losses(objective, _replaced(inputs, fresh))

    fresh: dict[int, Scored] = {}
    clean = [
        (torch.where(view.mask, view.policy, -1.0) if view.likelihood else view.ends).detach().requires_grad_()
        for view in views
    ]
    assert torch.autograd.gradcheck(losses, clean)


LAWS = {"zero_margin": hold_zero_margin, "value_gradient": hold_value_gradient}
EXEMPTIONS = [
    pytest.param(name, law, id=f"{name}-{law}")
    for name in EVERY + [each for each in wrapper_names() if get(each).__module__.startswith("penchant.")]
    for law in get(name).exempt.reasons()
]


@pytest.mark.parametrize(("name", "law"), EXEMPTIONS)
def test_a_law_that_a_method_is_exempt_from_does_fail_for_it(name: str, law: str) -> None:
    # Of its variants, one at least: a wrapper's is that of what it makes of DPO.
    forms = variants(name) if name in EVERY else [build(f"{name}(dpo)")]
    failed = 0
    for form in forms:
        try:
            LAWS[law](form)
        except (AssertionError, RuntimeError):  # gradcheck raises an error of torch
            failed += 1
    assert failed, f"{get(name).__name__} holds {law}: its exemption is not needed"


def _replaced(inputs: dict[str, Any], fresh: dict[int, Scored]) -> dict[str, Any]:
    def swap(each: Any) -> Any:
        return [swap(inner) for inner in each] if isinstance(each, list) else fresh.get(id(each), each)

    return {name: swap(each) for name, each in inputs.items()}


@pytest.mark.parametrize("objective", VARIANTS)
def test_what_the_mask_hides_reaches_neither_loss_nor_gradient(objective: Objective) -> None:
    inputs = random_inputs(objective, seed=6)  # NaN and infinities behind the mask
    values = objective(**inputs).values
    assert torch.isfinite(values).all()
    for view, gradient in zip(views_of(inputs), gradients(values.sum(), inputs), strict=True):
        assert torch.isfinite(gradient).all()
        assert not view.likelihood or (gradient[~view.mask] == 0).all()


@pytest.mark.parametrize("objective", VARIANTS)
def test_low_precision_stays_near_high_precision(objective: Objective) -> None:
    exact = first_losses(objective, random_inputs(objective, seed=7))
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
        values = first_losses(objective, random_inputs(objective, seed=7, dtype=dtype))
        assert values.dtype == torch.float32  # sums over tokens are never taken in half precision
        torch.testing.assert_close(values.double(), exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("objective", VARIANTS)
def test_an_empty_response_gives_a_finite_loss(objective: Objective) -> None:
    inputs = random_inputs(objective, seed=8)
    for view in views_of(inputs):
        view.mask[0] = False
    values = objective(**inputs).values
    assert torch.isfinite(values).all()
    assert all(torch.isfinite(each).all() for each in gradients(values.sum(), inputs))


@pytest.mark.parametrize("objective", VARIANTS)
def test_an_empty_batch_gives_no_losses(objective: Objective) -> None:
    assert objective(**random_inputs(objective, seed=9, examples=0)).values.shape == (0,)


@pytest.mark.parametrize("objective", VARIANTS)
def test_whole_batch_equals_its_parts_and_its_reordering(objective: Objective) -> None:
    if objective.batch_coupled:
        return  # the class says that its examples see each other
    inputs = random_inputs(objective, seed=10, examples=5)
    whole = first_losses(objective, inputs)
    assert whole.shape == (5,)
    parts = [first_losses(objective, select(inputs, rows)) for rows in ([0, 1], [2], [3, 4])]
    torch.testing.assert_close(torch.cat(parts), whole)
    order = [3, 0, 4, 2, 1]
    torch.testing.assert_close(first_losses(objective, select(inputs, order)), whole[torch.tensor(order)])


@pytest.mark.parametrize("objective", VARIANTS)
def test_an_example_has_no_gradient_in_the_loss_of_another(objective: Objective) -> None:
    if objective.batch_coupled:
        return
    inputs = random_inputs(objective, seed=11)
    views = views_of(inputs)
    for view, gradient in zip(views, gradients(objective(**inputs).values[1], inputs), strict=True):
        assert (gradient[view.group != 1] == 0).all()


@pytest.mark.parametrize("objective", VARIANTS)
def test_the_reference_receives_no_gradient(objective: Objective) -> None:
    inputs = random_inputs(objective, seed=12)
    for view in views_of(inputs):
        if view.reference is not None:
            asked = view.reference.clone().requires_grad_()
            assert not Scored(view.policy, asked, view.mask).ref_logp.requires_grad


@pytest.mark.parametrize("objective", VARIANTS)
def test_statistics_are_one_per_example_and_carry_no_gradient(objective: Objective) -> None:
    for each in objective(**random_inputs(objective, seed=13)).statistics.values():
        assert each.shape[:1] == (4,) and not each.requires_grad


@pytest.mark.parametrize("name", EVERY)
def test_wrong_hyper_parameters_are_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"objective {name}.*no_such_thing"):
        build(name, no_such_thing=1.0)
    for each in get(name).hyperparameters():
        with pytest.raises(ConfigurationError, match=f"{each.name!r}.*The default is"):
            build(name, **{each.name: object()})


@pytest.mark.parametrize("objective", VARIANTS)
def test_it_is_built_again_from_its_id_hyper_parameters_and_state(objective: Objective) -> None:
    again = build(objective.id, **objective.hyper)
    again.load_state_dict(objective.state_dict())
    assert repr(again) == repr(objective)
    inputs = random_inputs(objective, seed=14)
    torch.testing.assert_close(again(**inputs).values, objective(**inputs).values)


@pytest.mark.parametrize("name", EVERY)
def test_its_views_are_those_that_feedback_supplies(name: str) -> None:
    unknown = set(build(name).requirements.views) - set(view_names())
    assert not unknown, f"no record supplies {sorted(unknown)}; `penchant list views` names those there are"


@pytest.mark.parametrize("name", EVERY)
def test_the_docstring_has_formula_example_and_paper(name: str) -> None:
    cls, written = get(name), get(name).__doc__ or ""
    assert formula(cls), "the second paragraph of the docstring is the formula"
    assert ">>>" in written, "the docstring has an example"
    said = {"paper": bool(cls.paper), "Reference": "Reference:" in written, "evidence": cls.evidence is not None}
    assert len(set(said.values())) == 1, f"all three, or none where no paper states the method: {said}"
    assert cls.loss.__doc__, "`loss` says what it returns"
