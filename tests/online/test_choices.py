"""Pairs, examples, advantages, win rates and references, by their properties."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError
from penchant.feedback.records import Source
from penchant.forest.collate import collate
from penchant.generation import Response
from penchant.objectives import GRPO, build
from penchant.objectives.core.requirements import Requirements
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.preferences import bradley_terry, win_rates
from penchant.online import build_examples, build_pairing, make_online_recipe, select_pairs
from penchant.online.pairings.pairs import leads
from penchant.online.pairs import PAIR_RULES
from penchant.online.reference_updates import build_reference_update
from penchant.online.rollouts import Rollout

rewards = st.lists(st.floats(-5, 5) | st.sampled_from([0.0, 1.0, math.nan]), min_size=1, max_size=7)
PAIR = Requirements(("chosen", "rejected"), ())


def rollout(scores: list[float], prompt: int = 5, texts: list[tuple[int, ...]] | None = None) -> Rollout:
    ids = texts or [(10 + place, 2) for place in range(len(scores))]
    answers = tuple(Response(f"r{place}", each, True) for place, each in enumerate(ids))
    table = bradley_terry(torch.tensor(scores)).tolist()
    return Rollout(Source("p", prompt), f"p{prompt}", (1, prompt), answers, tuple(scores), (9, 2), table)


@given(st.sampled_from(sorted(PAIR_RULES)), rewards)
def test_every_pair_has_a_margin(rule: str, scores: list[float]) -> None:
    pairs = select_pairs(rule, scores)
    assert all(scores[chosen] > scores[rejected] for chosen, rejected in pairs)
    assert len(pairs) <= (1 if rule != "all" else len(scores) * (len(scores) - 1) // 2)


@given(rewards)
def test_best_and_worst_follow_the_order_and_not_the_scale(scores: list[float]) -> None:
    stretched = [math.atan(score) * 3 + 7 for score in scores]
    known = [round(score, 3) for score in stretched if not math.isnan(score)]
    if len(set(known)) == len(known):
        assert select_pairs("best_worst", stretched) == select_pairs("best_worst", scores)
    if len({score for score in scores if not math.isnan(score)}) > 1:
        [(chosen, rejected)] = select_pairs("best_worst", scores)
        assert scores[chosen] == max(s for s in scores if not math.isnan(s))
        assert scores[rejected] == min(s for s in scores if not math.isnan(s))


@given(st.lists(st.integers(-500, 500).map(lambda each: each / 100), min_size=2, max_size=6), st.booleans())
def test_a_lead_is_the_mean_score_over_all_samples_also_of_a_judge_that_only_compares(
    scores: list[float], compares: bool
) -> None:
    made = rollout(scores)
    if compares:
        made = replace(made, scores=tuple(sum(row) / len(scores) for row in made.probabilities))
    expected = [sum(score - other for other in scores) / len(scores) for score in scores]
    assert leads(made) == pytest.approx(expected, abs=1e-4)
    assert sum(leads(made)) == pytest.approx(0.0, abs=1e-6)
    # GPO raises what leads and lowers what falls behind; raw scores above 0 would raise both.
    wanted = Requirements(("chosen", "rejected"), ("chosen_score", "rejected_score"))
    for example in build_examples([made], build_pairing("best_worst", scores="lead"), wanted):
        assert example.fields["chosen_score"] > 0 > example.fields["rejected_score"]


def test_only_a_judge_without_scores_is_asked_to_compare_for_a_lead() -> None:
    given_, lead = (build_pairing("best_worst", scores=each) for each in ("given", "lead"))
    fields = build("gpo").requirements.fields
    assert [each.comparing(fields, scored) for each in (given_, lead) for scored in (True, False)] == [
        False,
        False,
        False,
        True,
    ]
    assert given_.comparing(build("sppo").requirements.fields, gives_scores=True)


@pytest.mark.parametrize(
    ("released", "rule"),
    [
        ("max_min", "best_worst"),
        ("max_min_p", "best_worst"),
        ("max_random", "best_other"),
        ("max_max", "best_second"),
        ("random", "first_two"),
    ],
)
def test_the_names_of_released_code_name_the_same_pairing(released: str, rule: str) -> None:
    recipe = make_online_recipe({"method": "iterative-dpo", "model": "m", "data": "d", "pairing": released})
    assert type(build_pairing(**recipe.pairing)) is type(build_pairing(rule))
    assert select_pairs(released, [0.5, 0.9, 0.1]) == select_pairs(rule, [0.5, 0.9, 0.1])


def test_a_threshold_sets_good_against_bad() -> None:
    assert select_pairs("all", [0.9, 0.6, 0.4], threshold=0.5) == [(0, 2), (1, 2)]


@given(st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=1, max_size=8), st.integers(1, 12), st.integers(0, 3))
def test_right_responses_meet_wrong_ones_and_no_pair_comes_twice(scores: list[float], most: int, seed: int) -> None:
    pairing = build_pairing("right_wrong", pairs=most, seed=seed)
    found = build_examples([rollout(scores)], pairing, PAIR)
    right, wrong = ({(10 + place, 2) for place, each in enumerate(scores) if each == kind} for kind in (1.0, 0.0))
    pairs = [(each.views["chosen"][0].response, each.views["rejected"][0].response) for each in found]
    assert len(pairs) == len(set(pairs)) == min(most, len(right) * len(wrong))
    assert all(chosen in right and rejected in wrong for chosen, rejected in pairs)
    # Samples that are equal count once.
    twins = rollout([1.0, 1.0, 0.0], texts=[(7, 2), (7, 2), (8, 2)])
    assert len(build_examples([twins], pairing, PAIR)) == 1


def test_examples_hold_exactly_the_sampled_tokens_and_equal_ones_are_left_out() -> None:
    examples = build_examples([rollout([0.0, 1.0, 0.5])], build_pairing("best_worst"), PAIR)
    assert [each.views["chosen"][0].response for each in examples] == [(11, 2)]
    assert examples[0].views["rejected"][0].response == (10, 2) and examples[0].views["chosen"][0].prompt == (1, 5)
    twins = rollout([0.0, 1.0], texts=[(7, 2), (7, 2)])
    assert build_examples([twins], build_pairing("best_worst"), PAIR) == []


def test_against_a_demonstration_every_sample_is_rejected_once() -> None:
    examples = build_examples([rollout([math.nan] * 2)], build_pairing("demonstration"), PAIR)
    assert [each.views["chosen"][0].response for each in examples] == [(9, 2)] * 2
    assert [each.views["rejected"][0].response for each in examples] == [(10, 2), (11, 2)]


def test_rejection_sampling_keeps_the_best_or_all_that_are_good_once() -> None:
    only = Requirements(("chosen",), ())
    several = [rollout([0.2, 0.9, 0.8, 0.9], texts=[(7, 2), (8, 2), (9, 2), (8, 2)]), rollout([0.1, 0.0], 6)]
    best = build_examples(several, build_pairing("best"), only)
    assert [each.views["chosen"][0].response for each in best] == [(8, 2), (10, 2)]
    above = build_examples(several, build_pairing("above", threshold=0.8), only)
    assert [each.views["chosen"][0].response for each in above] == [(8, 2), (9, 2)]
    assert build_examples(several, build_pairing("above", threshold=2.0), only) == []


def test_a_pair_carries_its_win_rates() -> None:
    wanted = build("sppo").requirements
    [pair] = build_examples([rollout([0.0, 2.0, 1.0])], build_pairing("best_worst"), wanted)
    rates = win_rates(bradley_terry(torch.tensor([0.0, 2.0, 1.0])))
    assert pair.fields["chosen_win_rate"] == pytest.approx(float(rates[1]), abs=1e-6)
    assert pair.fields["rejected_win_rate"] == pytest.approx(float(rates[0]), abs=1e-6)


def test_a_group_costs_its_prompt_once_in_training() -> None:
    group = Rollout(
        Source(), "p", tuple(range(3, 53)), tuple(Response("", (60 + n, 2), True) for n in range(8)), (0.0, 1.0) * 4
    )
    [example] = build_examples([group], build_pairing("group"), GRPO().requirements)
    assert example.size == 50 + 8 * 2
    assert collate([example]).forest.tokens == 50 + 8 * 2


def test_old_log_probabilities_stand_beside_their_tokens() -> None:
    group = Rollout(
        Source(), "p", (3,), (Response("", (7, 8, 2), True), Response("", (9,), False)), (0.0, 1.0), (), (),
        ((-1.0, -2.0, -3.0), (-4.0,)),
    )  # fmt: skip
    batch = collate(build_examples([group], build_pairing("group"), GRPO().requirements))
    assert batch.fields["old_policy"].tolist() == [[-1.0, -2.0, -3.0], [-4.0, 0.0, 0.0]]
    assert batch.fields["advantage"].shape == (2,)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8), st.floats(-5, 5), st.floats(0.5, 4))
def test_advantages_do_not_see_shift_or_scale(scores: list[float], shift: float, scale: float) -> None:
    values, group = torch.tensor(scores, dtype=torch.float64), torch.zeros(len(scores), dtype=torch.long)
    plain = group_advantages(values, group, epsilon=0.0 if len(set(scores)) > 1 else 1e-4)
    assert abs(float(plain.sum())) < 1e-6
    if float(values.std()) > 1e-2:
        torch.testing.assert_close(
            group_advantages(values * scale + shift, group, epsilon=0.0), plain, atol=1e-6, rtol=1e-6
        )


def test_equal_single_and_missing_rewards_have_no_advantage() -> None:
    nan = math.nan
    values = torch.tensor([0.1, 0.1, 0.1, 3.0, nan, 1.0, 2.0])
    found = group_advantages(values, torch.tensor([0, 0, 0, 1, 2, 2, 2]))
    assert found[:5].tolist() == [0.0] * 5 and found[5] == -found[6] != 0


def test_a_pairing_that_cannot_serve_an_objective_says_which_could() -> None:
    from penchant.online.pairing import check_pairing

    with pytest.raises(ConfigurationError, match=r"'responses'.*group"):
        check_pairing("best_worst", GRPO().requirements, "grpo")
    with pytest.raises(ConfigurationError, match=r"'rejected'.*demonstration"):
        check_pairing("best", build("dpo").requirements, "dpo")


def test_reference_updates_move_weights_as_their_formulas_say() -> None:
    def line(value: float) -> torch.nn.Linear:
        made = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(made.weight, value)
        return made

    for name, rate, policy_after, reference_after in (
        ("initial", 0.0, 5.0, 1.0),
        ("previous", 0.0, 5.0, 5.0),
        ("ema", 0.25, 5.0, 2.0),
        ("nesterov", 0.5, 7.0, 7.0),
    ):
        policy, reference = line(1.0), line(1.0)
        rule = build_reference_update(name, rate, policy)
        torch.nn.init.constant_(policy.weight, 5.0)
        rule.advance(policy, reference)
        assert (policy.weight.item(), reference.weight.item()) == (policy_after, reference_after), name
    # The next extrapolation starts from what was learned, 5, and not from where it led, 7: 8 + (8 − 5) / 2.
    torch.nn.init.constant_(policy.weight, 8.0)
    rule.advance(policy, reference)
    assert policy.weight.item() == reference.weight.item() == 9.5
