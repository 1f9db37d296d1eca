"""What the method sheets list of the losses on records to forget."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.drawing import of_ratios
from objectives.ratios import with_tokens
from penchant.errors import ConfigurationError
from penchant.objectives import Scored, build, get
from penchant.objectives.core.token_statistic import STATISTICS
from penchant.objectives.unlearning.ce_u import ceu_cross_entropy
from penchant.objectives.unlearning.pdu import PDU, logit_spread
from penchant.objectives.unlearning.rmu import control_vector
from penchant.objectives.unlearning.undial import undial_cross_entropy

RATIOS = st.lists(st.floats(-20.0, 20.0), min_size=1, max_size=5)
TOKENS = st.lists(st.lists(st.floats(-5.0, -0.01), min_size=1, max_size=5), min_size=1, max_size=4)


def slope(values: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    (found,) = torch.autograd.grad(values.sum(), [of])
    return torch.nan_to_num(found)


@given(RATIOS, st.floats(0.01, 5.0))
def test_npo_is_dpo_with_a_chosen_response_that_does_not_move(ratios: list[float], beta: float) -> None:
    found = build("npo", beta=beta)(forget=of_ratios(ratios)).values
    dpo = build("dpo", beta=beta)(chosen=of_ratios([0.0] * len(ratios)), rejected=of_ratios(ratios)).values
    torch.testing.assert_close(found, 2 / beta * dpo)
    assert (found >= 0).all()


@given(st.floats(0.01, 5.0))
def test_the_first_step_of_npo_is_that_of_gradient_ascent_on_sums(beta: float) -> None:
    start = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    values = build("npo", beta=beta)(forget=of_ratios(start)).values
    assert values.tolist() == pytest.approx([2 / beta * math.log(2)] * 3)
    assert slope(values, start).tolist() == pytest.approx([1.0] * 3)


def test_npo_stops_where_gradient_ascent_goes_on() -> None:
    gone = torch.tensor([-400.0], dtype=torch.float64, requires_grad=True)
    assert slope(build("npo")(forget=of_ratios(gone)).values, gone).item() < 1e-15
    again = torch.tensor([-400.0], dtype=torch.float64, requires_grad=True)
    assert slope(build("gradient-ascent")(forget=of_ratios(again)).values, again).item() == 1.0


@given(TOKENS)
def test_npo_with_a_small_beta_is_gradient_ascent(rows: list[list[float]]) -> None:
    view = with_tokens(*rows)
    held = Scored(view.policy, view.policy.detach() + 0.1, view.mask)
    found = slope(build("npo", beta=1e-6)(forget=held).values, view.policy)
    torch.testing.assert_close(found, view.mask.to(found.dtype), atol=1e-5, rtol=0)


@given(st.floats(-3.0, -0.1), st.integers(1, 5), st.floats(0.5, 5.0), st.floats(-1.0, 1.0))
def test_simnpo_counts_long_and_short_answers_alike(mean: float, length: int, beta: float, gamma: float) -> None:
    short, long = with_tokens([mean]), with_tokens([mean] * length)
    objective = build("simnpo", beta=beta, gamma=gamma)
    values = objective(forget=long).values
    torch.testing.assert_close(objective(forget=short).values, values)
    expected = 2 / (1 + math.exp(beta * (-mean - gamma))) / length
    assert slope(values, long.policy).flatten().tolist() == pytest.approx([expected] * length, rel=1e-6)


@given(RATIOS, st.floats(0.01, 5.0))
def test_idk_dpo_is_dpo_of_the_refusal_against_the_answer(ratios: list[float], beta: float) -> None:
    refusal, answer = of_ratios(ratios), of_ratios(list(reversed(ratios)))
    found = build("idk-dpo", beta=beta)(idk=refusal, forget=answer).values
    dpo = build("dpo", beta=beta)(chosen=refusal, rejected=answer).values
    torch.testing.assert_close(found * beta / 2, dpo)


@given(TOKENS, TOKENS)
def test_idk_is_one_mean_over_all_labels(first: list[list[float]], second: list[list[float]]) -> None:
    count = min(len(first), len(second))
    first, second = first[:count], second[:count]
    found = build("idk")(idk=with_tokens(*first), retain=with_tokens(*second)).values.mean().item()
    tokens = [each for row in [*first, *second] for each in row]
    assert found == pytest.approx(-sum(tokens) / len(tokens))


@given(TOKENS)
def test_weighted_ascent_without_exponents_is_gradient_ascent(rows: list[list[float]]) -> None:
    view = with_tokens(*rows)
    plain = build("gradient-ascent")(forget=view).values
    torch.testing.assert_close(build("wga", beta=0.0)(forget=view).values, plain)
    torch.testing.assert_close(build("satimp", beta1=0.0, beta2=0.0)(forget=view).values, plain)


def distributions(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 9, generator=generator, dtype=torch.float64).requires_grad_()
    return logits, torch.randint(0, 9, (6,), generator=generator)


def test_undial_without_lowering_has_no_gradient_at_the_reference() -> None:
    logits, ids = distributions(0)
    log_probs = logits.log_softmax(-1)
    values = undial_cross_entropy(log_probs, ids, log_probs.detach(), beta=0.0)
    assert slope(values, logits).abs().max() < 1e-12
    lowered = undial_cross_entropy(logits.log_softmax(-1), ids, log_probs.detach(), beta=10.0)
    assert (slope(lowered, logits).gather(-1, ids[:, None]) > 0).all(), "the true token must lose"


def test_ce_u_takes_probability_from_the_true_token_and_gives_to_all_others_in_proportion() -> None:
    logits, ids = distributions(1)
    log_probs = logits.log_softmax(-1)
    found = slope(ceu_cross_entropy(log_probs, ids, None), logits)
    probs = log_probs.exp().detach()
    true = probs.gather(-1, ids[:, None])
    torch.testing.assert_close(found.gather(-1, ids[:, None]), true)
    others = torch.ones_like(found, dtype=torch.bool).scatter(-1, ids[:, None], False)
    torch.testing.assert_close(found[others], (probs - probs / (1 - true))[others])


def test_ce_u_leaves_out_the_first_tokens() -> None:
    view = with_tokens([-1.0, -2.0], [-1.0])
    stated = Scored(view.policy, None, view.mask, {"ceu_cross_entropy": torch.tensor([[1.0, 3.0], [7.0, 9.0]])})
    assert build("ce-u", average="response")(forget=stated).values.tolist() == [3.0, 0.0]
    assert build("ce-u", average="batch")(forget=stated).values.mean().item() == 3.0


def test_the_spread_is_zero_for_a_flat_distribution_and_does_not_know_the_constant_of_logits() -> None:
    logits, ids = distributions(2)
    assert logit_spread(torch.zeros(2, 5), ids, None).tolist() == [0.0, 0.0]
    torch.testing.assert_close(logit_spread(logits, ids, None), logit_spread(logits.log_softmax(-1), ids, None))


def test_the_dual_weight_follows_the_retain_loss_and_is_never_negative_and_only_in_training() -> None:
    objective = PDU(epsilon=1.0, step_size=2.0, warm_up=1, initial_weight=0.5)
    stats = {"logit_spread": torch.ones(1, 1)}
    used = []
    for nll in (3.0, 3.0, 0.25, 0.25, 0.25):
        view = Scored(torch.tensor([[-nll]]), None, torch.ones(1, 1, dtype=torch.bool), stats)
        used.append(objective(forget=view, retain=view).statistics["dual_weight"].item())
    assert used == [0.5, 4.5, 3.0, 1.5, 0.0]
    saved = objective.state_dict()
    objective.eval()
    high = Scored(torch.tensor([[-9.0]]), None, torch.ones(1, 1, dtype=torch.bool), stats)
    objective(forget=high, retain=high)
    assert objective.state_dict() == saved and {"weight", "steps"} <= set(saved)


def test_misdirection_is_zero_at_the_control_vector_and_at_the_reference() -> None:
    objective = build("rmu", layer="3", steering_coeff=2.0, seed=5)
    target = control_vector(4, 2.0, 5).expand(1, 2, 4)
    one = torch.full((1, 2), -1.0)
    states = torch.randn(1, 2, 4)
    forget = Scored(one, None, one < 0, activations={"3": target})
    retain = Scored(one, one, one < 0, activations={"3": states}, reference_activations={"3": states.clone()})
    found = objective(forget=forget, retain=retain)
    assert found.values.tolist() == [0.0]
    assert objective.needs.layers == {"3"} and not objective.needs.reference_of("forget")


@pytest.mark.parametrize("name", ["gradient-ascent", "npo", "simnpo", "wga", "satimp", "undial", "ce-u", "rmu", "idk"])
def test_every_loss_on_records_to_forget_is_of_the_family(name: str) -> None:
    assert get(name).family == "unlearning"


def test_statistics_are_known_by_name_and_unknown_ones_are_named() -> None:
    assert {"kl", "reference_kl"} <= set(STATISTICS)
    view = with_tokens([-1.0])
    with pytest.raises(ConfigurationError, match=r"'reference_kl' was not computed"):
        build("retain-kl")(retain=view)


def test_names_of_papers_build_their_sums() -> None:
    assert build("ga-kl").id == "gradient-ascent+retain-kl"
    assert build("npo-retain", **{"npo.beta": 0.3}).hyper["npo.beta"] == 0.3
