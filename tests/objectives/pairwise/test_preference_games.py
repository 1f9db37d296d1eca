"""Pairs of a game between policies: what each loss is equal to, and what it does not depend on."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from objectives.drawing import of_ratios
from penchant.errors import ConfigurationError
from penchant.objectives import Objective, Scored, build
from penchant.objectives.functional.games.consistency import CONSISTENCIES
from penchant.objectives.functional.games.preference_games import (
    duality_gap,
    geometric_mixture,
    gradient_step,
    nash_md_surrogate,
    online_ipo,
)
from penchant.objectives.functional.games.tree_values import TreeNode, back_propagate, label_smoothing_of_visits

NATS = st.floats(-20.0, 20.0)
RATES = st.floats(0.0, 1.0)


def response(ratio: float, previous: float = 0.0) -> Scored:
    """One token with a log-ratio to the reference and one to the policy of the round."""
    policy = torch.full((1, 1), -1.0, dtype=torch.float64, requires_grad=True)
    held = (policy - ratio).detach()
    return Scored(policy, held, held == held, checkpoints={"previous": (policy - previous).detach()})


def value(objective: Objective, chosen: Scored, rejected: Scored, **fields: float) -> float:
    given_fields = {name: torch.tensor([each], dtype=torch.float64) for name, each in fields.items()}
    return float(objective(chosen=chosen, rejected=rejected, **given_fields).values.detach())


@given(NATS, NATS, NATS, NATS)
def test_inpo_is_ipo_against_one_of_its_references(first: float, second: float, third: float, fourth: float) -> None:
    ipo = build("ipo", beta=0.05, average_log_prob=False)
    pair = response(first, third), response(second, fourth)
    assert value(build("inpo", eta=0.05, ratio=1.0), *pair) == pytest.approx(value(ipo, *pair), abs=1e-9)
    before = response(third), response(fourth)
    assert value(build("inpo", eta=0.05, ratio=0.0), *pair) == pytest.approx(value(ipo, *before), abs=1e-9)
    # In the first round both references are one, and the ratio does not matter.
    equal = response(first, first), response(second, second)
    assert value(build("inpo", eta=0.05), *equal) == pytest.approx(value(ipo, *equal), abs=1e-8)


def test_the_second_reference_is_asked_for_by_name() -> None:
    bare = of_ratios([0.0])
    with pytest.raises(ConfigurationError, match=r"the checkpoint 'previous', which were not computed"):
        build("inpo")(chosen=bare, rejected=bare)
    assert build("inpo").requirements.needs.checkpoints == {"previous"}
    view = Scored(-torch.ones(1, 2), None, torch.ones(1, 2) > 0, checkpoints={"previous": -3 * torch.ones(1, 2)})
    halved = view.weighted(torch.tensor([[1.0, 0.5]]))
    assert (view.logratio_to("previous").item(), halved.logratio_to("previous").item()) == (4.0, 3.0)
    assert view.select(torch.tensor([0])).logratio_to("previous").item() == 4.0


@given(NATS, NATS, st.floats(-5, 5), st.floats(-5, 5), st.floats(-9, 9))
def test_rebel_sees_neither_order_nor_shift_of_rewards(a: float, b: float, r: float, s: float, shift: float) -> None:
    rebel = build("rebel", eta=0.5)
    one, other = response(a), response(b)
    found = value(rebel, one, other, chosen_score=r, rejected_score=s)
    assert value(rebel, other, one, chosen_score=s, rejected_score=r) == pytest.approx(found)
    assert value(rebel, one, other, chosen_score=r + shift, rejected_score=s + shift) == pytest.approx(found, abs=1e-6)
    # A gap of rewards that is 1 / (2 β η) for every pair makes it IPO.
    ipo = value(build("ipo", beta=0.25, average_log_prob=False), one, other)
    assert value(rebel, one, other, chosen_score=4.0, rejected_score=0.0) == pytest.approx(ipo)


@given(NATS, NATS, RATES, RATES)
def test_dno_and_egpo_are_symmetric_in_the_two_responses(a: float, b: float, w: float, v: float) -> None:
    one, other = response(a), response(b)
    for name in ("dno", "egpo"):
        found = value(build(name), one, other, chosen_win_rate=w, rejected_win_rate=v)
        assert value(build(name), other, one, chosen_win_rate=v, rejected_win_rate=w) == pytest.approx(found)
    single = value(build("egpo-pair"), one, other, preference_probability=w)
    assert value(build("egpo-pair"), other, one, preference_probability=1 - w) == pytest.approx(single)


def test_equal_win_rates_keep_the_policy_where_it_is() -> None:
    rates = {"chosen_win_rate": torch.tensor([0.4]), "rejected_win_rate": torch.tensor([0.4])}
    for name in ("dno", "egpo"):
        chosen, rejected = response(0.0), response(0.0)
        slopes = torch.autograd.grad(
            build(name)(chosen=chosen, rejected=rejected, **rates).values.sum(), [chosen.policy, rejected.policy]
        )
        assert [each.item() for each in slopes] == [0.0, 0.0]


@given(NATS, NATS)
def test_xpo_without_bonus_is_dpo_or_ipo_and_its_bonus_ignores_the_label(a: float, b: float) -> None:
    one, other = response(a), response(b)
    whose = {"chosen_from_reference": 0.0, "rejected_from_reference": 1.0}
    assert value(build("xpo", alpha=0.0), one, other, **whose) == value(build("dpo"), one, other)
    ipo = build("xpo", alpha=0.0, loss_type="ipo")
    assert value(ipo, one, other, **whose) == value(build("ipo", average_log_prob=False), one, other)
    for flags in ((0.0, 1.0), (1.0, 0.0)):
        fields = dict(zip(whose, (torch.tensor([each]) for each in flags), strict=True))
        bonus = build("xpo", alpha=0.3)(chosen=one, rejected=other, **fields).statistics["exploration"]
        assert bonus.item() == pytest.approx(-0.3)


def exact_hypo_gradient(baseline: bool) -> tuple[Tensor, Tensor]:
    """The expected gradient of the second term over all responses, and that of KL(π ‖ π_ref), in the logits."""
    logits = torch.tensor([0.3, -1.0, 0.8], dtype=torch.float64, requires_grad=True)
    reference = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64).log()
    logp = logits.log_softmax(-1)
    kl = (logp.exp() * (logp - reference)).sum()
    (wanted,) = torch.autograd.grad(kl, logits, retain_graph=True)
    pair = of_ratios([0.0])
    expected = torch.zeros_like(wanted)
    shift = 7.0 if baseline else 0.0
    for place in range(3):
        fresh = Scored(logp[place].reshape(1, 1), (reference[place] - shift).reshape(1, 1), torch.ones(1, 1) > 0)
        loss = build("hypo", weight=1.0)(chosen=pair, rejected=pair, fresh=fresh).values.sum()
        (slope,) = torch.autograd.grad(loss, logits, retain_graph=True)
        expected += logp[place].exp().detach() * slope
    return expected, wanted


@pytest.mark.parametrize("shifted", [False, True])
def test_hypo_has_the_gradient_of_the_divergence_whatever_is_added_to_the_log_ratio(shifted: bool) -> None:
    found, wanted = exact_hypo_gradient(shifted)
    torch.testing.assert_close(found, wanted)


def test_hypo_is_dpo_without_weight_and_its_baseline_is_the_mean_of_the_others() -> None:
    pair, fresh = of_ratios([0.5, 0.5]), of_ratios([2.0, 1.0])
    assert not build("hypo").batch_coupled and build("hypo", baseline=True).batch_coupled
    same = build("hypo", weight=0.0)(chosen=pair, rejected=of_ratios([0.0, 0.0]), fresh=fresh).values
    assert torch.equal(same, build("dpo")(chosen=pair, rejected=of_ratios([0.0, 0.0])).values)
    terms = build("hypo", weight=1.0, baseline=True)(chosen=pair, rejected=pair, fresh=fresh).values
    # (2 − 1) · log π = 1 · (−1 + 2) and (1 − 2) · (−1 + 1), on top of log 2
    torch.testing.assert_close(terms - terms.new_tensor(2.0).log(), torch.tensor([1.0, 0.0], dtype=torch.float64))


def test_selfie_follows_the_lowest_tenth_of_its_last_fifty_margins() -> None:
    selfie = build("selfie", beta=1.0, strength=0.25)
    zero = of_ratios([0.0])
    thresholds = []
    for number in range(60):
        found = selfie(chosen=of_ratios([float(number)]), rejected=zero)
        thresholds.append(found.statistics["threshold"].item())
    # 0 until fifty means are there, then the average of the numbers 5 and 6 of the last fifty, counted from 0.
    assert thresholds[:50] == [0.0] * 50 and thresholds[50] == 5.5 and thresholds[59] == 14.5
    again = build("selfie", beta=1.0, strength=0.25)
    again.load_state_dict(selfie.state_dict())
    assert again.threshold == selfie.threshold
    before = int(selfie.seen)
    selfie.eval()(chosen=zero, rejected=zero)
    assert int(selfie.seen) == before


def test_selfie_smooths_what_it_doubts_and_only_after_its_warm_up() -> None:
    doubted, kept = of_ratios([-1.0]), of_ratios([1.0])
    zero = of_ratios([0.0])
    plain = build("dpo")(chosen=doubted, rejected=zero).values
    assert torch.equal(build("selfie", warm_up=1)(chosen=doubted, rejected=zero).values, plain)
    smoothed = build("cdpo", label_smoothing=0.1)(chosen=doubted, rejected=zero).values
    torch.testing.assert_close(build("selfie")(chosen=doubted, rejected=zero).values, smoothed)
    dpo = build("dpo")(chosen=kept, rejected=zero).values
    torch.testing.assert_close(build("selfie")(chosen=kept, rejected=zero).values, dpo)


def test_a_detector_that_extrapolates_reads_the_whole_distribution() -> None:
    needs = build("selfie", mixture=1.3).requirements.needs
    assert needs.compares and not build("selfie").requirements.needs.compares


CYCLE = torch.tensor([[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]], dtype=torch.float64)
REFERENCE = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64).log()


def test_extragradient_converges_where_the_plain_step_circles() -> None:
    """Rock, paper, scissors with little regularisation and a large step."""

    def loss(own: Tensor, opponents: Tensor) -> Tensor:
        return online_ipo(own, REFERENCE, CYCLE, 0.02, opponents.log_softmax(-1))

    gaps: dict[bool, list[float]] = {}
    for extragradient in (False, True):
        logits, gaps[extragradient] = REFERENCE.clone(), []
        for _ in range(400):
            logits = gradient_step(logits, loss, 0.01, extragradient=extragradient)
            gaps[extragradient].append(float(duality_gap(logits.log_softmax(-1), REFERENCE, CYCLE, 0.02)))
    assert gaps[True][-1] < 1e-6 < 0.01 < min(gaps[False][-50:])
    # Linear: every fifty steps the gap shrinks at least by the same factor.
    assert all(later < 0.5 * earlier for earlier, later in pairwise(gaps[True][49::50]))


def test_a_game_without_preferences_stays_at_the_reference() -> None:
    even = torch.full((3, 3), 0.5, dtype=torch.float64)
    for surrogate in (online_ipo, nash_md_surrogate):
        leaf = REFERENCE.clone().requires_grad_()
        (slope,) = torch.autograd.grad(surrogate(leaf, REFERENCE, even, 0.1, REFERENCE), leaf)
        torch.testing.assert_close(slope, torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)
    assert duality_gap(REFERENCE, REFERENCE, even, 0.1).abs() < 1e-12


def test_a_mixture_is_the_policy_at_one_end_and_the_reference_at_the_other() -> None:
    policy = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64).log_softmax(-1)
    torch.testing.assert_close(geometric_mixture(policy, REFERENCE, 0.0), policy)
    torch.testing.assert_close(geometric_mixture(policy, REFERENCE, 1.0), REFERENCE)


@pytest.mark.parametrize("name", CONSISTENCIES)
def test_consistency_is_one_for_the_same_ranking_and_zero_for_the_reverse(name: str) -> None:
    scores = torch.tensor([[0.3, -1.0, 2.0, 0.5], [1.0, 2.0, 3.0, 4.0]], dtype=torch.float64)
    assert CONSISTENCIES[name](scores, 3 * scores + 1).tolist() == [1.0, 1.0]
    assert CONSISTENCIES[name](scores, -scores).tolist() == pytest.approx([0.0, 0.0])


def test_the_published_top_order_looks_at_the_first_and_last_in_the_list() -> None:
    first = torch.tensor([2.0, 1.0, 4.0, 3.0], dtype=torch.float64)
    second = torch.tensor([2.0, 4.0, 1.0, 3.0], dtype=torch.float64)
    assert CONSISTENCIES["toporder-published"](first, second) == 1.0
    assert CONSISTENCIES["toporder"](first, second) == 0.0


def test_every_visit_counts_once_on_the_path_and_the_root_twice_only_as_published() -> None:
    for twice in (False, True):
        root = TreeNode(0.0)
        step = TreeNode(0.5, (-1.0,), root)
        leaf, other = TreeNode(1.0, (-1.0,), step), TreeNode(0.0, (-2.0,), step)
        for _ in range(3):
            back_propagate(leaf, root_twice=twice)
        back_propagate(other, root_twice=twice)
        assert [each.visits for each in (root, step, leaf, other)] == [8 if twice else 4, 4, 3, 1]
        # The mean of 0.5 (three visits) and −0.5 (one), and what the step itself has gained.
        assert step.v == pytest.approx(0.25) and step.q == pytest.approx(0.75) and leaf.q == 0.5
        assert min(leaf.q, other.q) <= step.v <= max(leaf.q, other.q)


@pytest.mark.parametrize(("visits", "smoothing"), [((9, 0), 0.0), ((4, 4), 0.5), ((1, 30), 0.5), ((0, 0), 0.0)])
def test_labels_are_smoothed_by_what_the_search_thought_of_both_steps(visits: Any, smoothing: float) -> None:
    assert label_smoothing_of_visits(*visits) == smoothing
