"""The tabular world: its tables are consistent, its exact quantities are those of brute force, every objective fits."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rows,
    Scoring,
    all_pairs,
    build_world,
    divergence,
    expected_reward,
    exploitability,
    fit,
    fit_each,
    initial_policy,
    nash_policy,
    optimal_policy,
    ranked_rightly,
    ranking_accuracy,
    regularised_value,
    sample_demonstrations,
    sample_judgements,
    sample_lists,
    sample_pairs,
    suboptimality,
    win_rate,
)
from penchant.lab.worlds.tabular.scoring import gradient_norms
from penchant.objectives import Objective, build, get, names

SMALL = Dials(prompts=3, responses=4)
DIALS = st.builds(
    Dials,
    prompts=st.integers(1, 3),
    responses=st.integers(2, 5),
    temperature=st.sampled_from([0.0, 0.5, 2.0]),
    cycles=st.sampled_from([0.0, 0.5, 1.0]),
    unseen=st.sampled_from([0.0, 0.4, 0.9]),
    flips=st.sampled_from([0.0, 0.3]),
    length_bias=st.sampled_from([0.0, 0.5]),
    longest=st.integers(4, 7),
    uneven=st.sampled_from([0.0, 1.0]),
    features=st.sampled_from([0, 2]),
    similarity=st.sampled_from([0.0, 0.9]),
)


def some_policy(world_shape: tuple[int, int], seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(world_shape, generator=generator, dtype=torch.float64)).log_softmax(-1)


@given(DIALS, st.integers(0, 50))
def test_the_tables_of_a_world_are_consistent(dials: Dials, seed: int) -> None:
    world = build_world(dials, seed)
    assert (world.preference + world.preference.mT == 1).all()
    labels = world.labels()
    torch.testing.assert_close(labels + labels.mT, torch.ones_like(labels))
    torch.testing.assert_close(world.reference.exp().sum(-1), torch.ones(dials.prompts, dtype=torch.float64))
    torch.testing.assert_close(world.behaviour.sum(-1), torch.ones(dials.prompts, dtype=torch.float64))
    hidden = min(int(dials.unseen * dials.responses), dials.responses - 2)
    assert ((world.behaviour == 0).sum(-1) == hidden).all()
    assert (world.mask.sum(-1) == world.lengths).all() and (world.shares[~world.mask] == 0).all()
    torch.testing.assert_close(world.shares.sum(-1), torch.ones_like(world.reward))
    assert world.reward.square().mean().sqrt().item() == pytest.approx(dials.reward_scale)


def test_the_seed_decides_everything() -> None:
    one, same, other = build_world(SMALL, 1), build_world(SMALL, 1), build_world(SMALL, 2)
    assert torch.equal(one.reward, same.reward) and not torch.equal(one.reward, other.reward)
    assert torch.equal(sample_pairs(one, 5).fields["margin"], sample_pairs(same, 5).fields["margin"])


def test_pure_cycles_have_no_best_response() -> None:
    world = build_world(Dials(prompts=20, responses=3, cycles=1.0), 0)
    beats_all = (world.preference > 0.5).sum(-1) == 2
    assert not beats_all.any()


@pytest.mark.parametrize("wrong", [{"flips": 1.2}, {"responses": 1}, {"longest": 2}, {"annotators": (0.1, 2.0)}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Dials(**wrong)  # type: ignore[arg-type]


def test_the_world_describes_itself_by_what_was_changed() -> None:
    assert str(Dials(cycles=0.5)) == "8 prompts × 8 responses, cycles=0.5"


# Exact quantities against brute force


def test_expectations_agree_with_enumeration() -> None:
    world = build_world(SMALL, 3)
    policy, other = some_policy((3, 4), 1), some_policy((3, 4), 2)
    rewards, kls, wins = [], [], []
    for x in range(3):
        p, q = policy[x].exp(), other[x].exp()
        rewards.append(sum(float(p[y] * world.reward[x, y]) for y in range(4)))
        kls.append(sum(float(p[y] * (p[y] / q[y]).log()) for y in range(4)))
        wins.append(sum(float(p[i] * q[j] * world.preference[x, i, j]) for i in range(4) for j in range(4)))
    assert expected_reward(world, policy) == pytest.approx(sum(rewards) / 3)
    assert divergence(policy, other) == pytest.approx(sum(kls) / 3)
    assert win_rate(world, policy, other) == pytest.approx(sum(wins) / 3)
    assert win_rate(world, policy, policy) == pytest.approx(0.5)


@given(st.integers(0, 30), st.sampled_from([0.1, 1.0, 5.0]))
def test_no_policy_beats_the_optimal_one(seed: int, beta: float) -> None:
    world = build_world(SMALL, seed)
    best = optimal_policy(world, beta)
    assert suboptimality(world, best, beta) == pytest.approx(0.0)
    nearby = (best + 0.1 * some_policy((3, 4), seed)).log_softmax(-1)
    assert suboptimality(world, nearby, beta) > 0
    # The closed form of the best value: β log Z.
    partition = (world.reference + world.reward / beta).logsumexp(-1).mean()
    assert regularised_value(world, best, beta) == pytest.approx(beta * float(partition))


def test_a_policy_of_certainty_has_a_finite_divergence() -> None:
    world = build_world(SMALL, 0)
    certain = torch.where(world.reward == world.reward.max(-1, keepdim=True).values, 0.0, -torch.inf)
    assert divergence(certain, world.reference) > 0
    assert suboptimality(world, certain) == pytest.approx(0.0)
    assert ranking_accuracy(world, world.reward) == 1.0
    assert ranking_accuracy(world, -world.reward) == 0.0


def test_rounding_does_not_decide_a_ranking() -> None:
    true = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    assert ranked_rightly(true, torch.tensor([[0.3, 0.1 + 0.2]], dtype=torch.float64)) == 0.5
    assert ranked_rightly(true, torch.tensor([[0.3, 0.3 + 1e-6]], dtype=torch.float64)) == 1.0


@given(st.integers(0, 30), st.sampled_from([0.0, 0.5, 1.0]))
def test_nothing_beats_the_equilibrium_and_no_grid_point_is_better(seed: int, cycles: float) -> None:
    world = build_world(Dials(prompts=2, responses=3, cycles=cycles), seed)
    equilibrium = nash_policy(world)
    assert exploitability(world, equilibrium) == pytest.approx(0.0, abs=1e-9)
    grid = [(i / 12, j / 12, (12 - i - j) / 12) for i, j in itertools.product(range(13), repeat=2) if i + j <= 12]
    for point in grid:
        policy = torch.tensor([point, point], dtype=torch.float64).log()
        assert exploitability(world, policy) >= -1e-12


def test_the_equilibrium_of_even_rock_paper_scissors_is_uniform() -> None:
    world = build_world(Dials(prompts=1, responses=3), 0)
    cycle = torch.tensor([[[0.5, 1.0, 0.0], [0.0, 0.5, 1.0], [1.0, 0.0, 0.5]]], dtype=torch.float64)
    object.__setattr__(world, "preference", cycle)
    torch.testing.assert_close(nash_policy(world).exp(), torch.full((1, 3), 1 / 3, dtype=torch.float64))


# Feedback


def test_sampled_pairs_approach_their_exact_weights() -> None:
    world = build_world(Dials(prompts=2, responses=3, flips=0.2, unseen=0.0), 4)
    sampled, exact = sample_pairs(world, 0, count=40_000), all_pairs(world)

    def share(examples: Examples) -> torch.Tensor:
        table = torch.zeros(2, 3, 3, dtype=torch.float64)
        chosen, rejected = examples.views["chosen"], examples.views["rejected"]
        assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
        table.index_put_((chosen.prompt, chosen.response, rejected.response), examples.weight, accumulate=True)
        return table / table.sum((-1, -2), keepdim=True)

    # Sampling draws two different responses, the second in proportion to what is left: not quite μ(i) μ(j). What the
    # labels say of each pair is the same.
    first, second = share(sampled), share(exact)
    torch.testing.assert_close(
        (first / (first + first.mT)).nan_to_num(), (second / (second + second.mT)).nan_to_num(), atol=0.02, rtol=0
    )


def test_flips_and_annotators_are_as_set() -> None:
    world = build_world(Dials(annotators=(0.0, 0.4), pairs=20_000), 0)
    pairs = sample_pairs(world, 1)
    for annotator, rate in enumerate((0.0, 0.4)):
        own = pairs.fields["flipped"][pairs.fields["annotator"] == annotator]
        assert own.mean().item() == pytest.approx(rate, abs=0.02)


def test_certain_preferences_without_faults_always_choose_the_better_response() -> None:
    world = build_world(Dials(temperature=0.0, pairs=500), 0)
    assert (sample_pairs(world, 0).fields["margin"] > 0).all()


def test_unseen_responses_occur_nowhere() -> None:
    world = build_world(Dials(unseen=0.5, pairs=500), 0)
    for examples in (sample_pairs(world, 0), all_pairs(world), sample_lists(world, 0), sample_judgements(world, 0)):
        for name in set(examples.views) & {"chosen", "rejected", "responses", "gold"}:
            rows = examples.views[name]
            assert isinstance(rows, Rows)
            assert (world.behaviour[rows.prompt, rows.response] > 0).all()


def test_lists_rank_by_their_scores() -> None:
    lists = sample_lists(build_world(Dials(score_noise=0.5), 0), 0, count=50, size=4)
    scores, ranks = lists.fields["scores"].view(50, 4), lists.fields["ranks"].view(50, 4)
    assert (scores.argsort(-1, descending=True) == ranks.argsort(-1)).all()


# Policies and fitting


def test_a_policy_starts_as_the_reference() -> None:
    for features in (0, 3):
        world = build_world(Dials(features=features), 0)
        torch.testing.assert_close(initial_policy(world)(), world.reference)


def test_tokens_sum_to_the_response() -> None:
    world = build_world(Dials(shortest=2, longest=6, uneven=1.0), 0)
    pairs = sample_pairs(world, 0)
    scored = Scoring(world, build("dpo"), pairs, world.reference)(optimal_policy(world, 1.0))["chosen"]
    rows = pairs.views["chosen"]
    assert isinstance(rows, Rows)
    torch.testing.assert_close(scored.logp, optimal_policy(world, 1.0)[rows.prompt, rows.response])
    torch.testing.assert_close(scored.ref_logp, world.reference[rows.prompt, rows.response])
    assert (scored.length == world.lengths[rows.prompt, rows.response]).all()


@pytest.mark.parametrize("features", [0, 20])
def test_dpo_on_endless_data_finds_the_optimal_policy(features: int) -> None:
    world = build_world(Dials(prompts=2, responses=4, features=features, reward_scale=0.7), 1)
    found = fit(world, build("dpo", beta=0.5), all_pairs(world), steps=1500)
    torch.testing.assert_close(found().exp(), optimal_policy(world, 0.5).exp(), atol=1e-4, rtol=0)


def test_merging_equal_examples_changes_nothing_but_the_time() -> None:
    world = build_world(Dials(prompts=2, responses=3, pairs=300), 0)
    pairs = sample_pairs(world, 0)
    merged = pairs.merged(("chosen", "rejected"))
    assert len(merged) < 15 and merged.weight.sum() == pairs.weight.sum()
    objective, policy = build("ipo"), optimal_policy(world, 1.0)

    def mean_loss(examples: Examples) -> float:
        losses = objective(**Scoring(world, objective, examples, world.reference)(policy)).values
        return float((losses * examples.weight).sum() / examples.weight.sum())

    assert mean_loss(merged) == pytest.approx(mean_loss(pairs))
    lists = sample_lists(world, 0, size=2)
    assert len(lists.merged(("responses", "scores"))) == len(lists)


@pytest.mark.parametrize("features", [0, 3])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_fit_is_the_plain_loop_with_the_usual_optimizer(optimizer: Literal["adam", "sgd"], features: int) -> None:
    world = build_world(Dials(prompts=3, responses=4, features=features, longest=5), 0)
    pairs, objective, plain = sample_pairs(world, 0), build("simpo", beta=1.0), initial_policy(world)
    found = fit(world, objective, pairs, steps=30, learning_rate=0.2, optimizer=optimizer)
    usual = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer](plain.parameters(), lr=0.2)
    chosen, rejected = pairs.views["chosen"], pairs.views["rejected"]
    assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
    for _ in range(30):
        usual.zero_grad()
        lead = [(plain() / world.lengths)[rows.prompt, rows.response] for rows in (chosen, rejected)]
        (-torch.nn.functional.logsigmoid(lead[0] - lead[1] - objective.hyper["gamma_beta_ratio"])).mean().backward()
        usual.step()
    torch.testing.assert_close(found(), plain())


@pytest.mark.parametrize("features", [0, 3])
def test_fits_side_by_side_are_the_same_as_fits_by_themselves(features: int) -> None:
    world = build_world(Dials(prompts=3, responses=4, features=features), 0)
    pairs, lists = sample_pairs(world, 0), sample_lists(world, 0)
    # Coupled ones, ones with parts of their own that learn, and ones that read statistics or lists.
    methods = ["dpo", "beta-dpo", "aot-paired", "sparse-token-mask", "wpo", "orpo", "ddo-rm"]
    given = {name: lists if name == "ddo-rm" else pairs for name in methods}
    together = fit_each(world, dict(zip(methods, methods, strict=True)), given, steps=20)
    assert list(together) == methods
    for name in methods:
        torch.testing.assert_close(together[name](), fit(world, name, given[name], steps=20)(), rtol=0, atol=1e-12)
    memory = {each.theta.untyped_storage().data_ptr() for each in together.values()}
    assert len(memory) == len(methods)  # what is done to one policy later reaches no other


@pytest.mark.parametrize("named", [["dpo", "ipo"], []])
def test_fits_side_by_side_say_what_they_lack(named: list[str]) -> None:
    world = build_world(SMALL, 0)
    with pytest.raises(ConfigurationError, match="no examples for 'ipo'" if named else "no objective"):
        fit_each(world, dict(zip(named, named, strict=True)), {"dpo": sample_pairs(world, 0)}, steps=1)


def test_fitting_watches_each_step_and_copies_its_start() -> None:
    world = build_world(SMALL, 0)
    start, seen = initial_policy(world), []
    fit(
        world,
        "dpo",
        sample_pairs(world, 0),
        steps=5,
        policy=start,
        watch=lambda step, _, loss: seen.append((step, loss)),
    )
    assert [step for step, _ in seen] == list(range(5)) and seen[-1][1] < seen[0][1]
    torch.testing.assert_close(start(), world.reference)


def supply(objective: Objective) -> Examples:
    """Examples of the kind that an objective asks for."""
    world = build_world(SMALL, 0)
    wanted = {*objective.requirements.views, *objective.requirements.fields}
    if wanted & {"scores", "ranks", "advantage"}:
        return sample_lists(world, 0, count=10, size=3)
    if "label" in wanted:
        return sample_judgements(world, 0, count=30)
    return (
        sample_pairs(world, 0, count=30) if "rejected" in wanted else sample_demonstrations(world, 0, world.reference)
    )


EVERY = [name for name in names() if get(name).__module__.startswith("penchant.")]


@pytest.mark.parametrize("name", EVERY)
def test_every_objective_trains_in_the_world_or_says_what_it_lacks(name: str) -> None:
    world, objective = build_world(SMALL, 0), build(name)
    examples, wanted = supply(objective), objective.requirements
    lacking = {*wanted.views, *wanted.fields} - {*examples.views, *examples.fields} - wanted.optional
    if {str(each) for each in wanted.needs.stats} - {"entropy", "kl", "reference_kl", "sum_p2"}:
        with pytest.raises(ConfigurationError, match=r"has no statistic|needs"):
            fit(world, objective, examples, steps=1)
        return
    if lacking or wanted.needs.ends or wanted.needs.residual or wanted.needs.reference_states:
        with pytest.raises(ConfigurationError, match="needs"):
            fit(world, objective, examples, steps=1)
        return
    found = fit(world, objective, examples, steps=3)
    assert torch.isfinite(found()).all() and not torch.equal(found(), world.reference)


def test_an_unknown_statistic_is_refused() -> None:
    from penchant.objectives import Needs

    class Curious(Objective):
        needs = Needs(stats=frozenset({"colour"}))

        def loss(self, chosen: torch.Tensor) -> torch.Tensor:
            return chosen

    Curious.loss.__annotations__["chosen"] = "Scored"
    with pytest.raises(ConfigurationError, match="no statistic 'colour'"):
        fit(build_world(SMALL, 0), Curious(), sample_pairs(build_world(SMALL, 0), 0), steps=1)


@pytest.mark.parametrize("features", [0, 3])
def test_gradient_norms_are_those_of_the_parameters(features: int) -> None:
    world = build_world(Dials(prompts=2, responses=3, features=features), 0)
    policy = initial_policy(world)
    torch.nn.init.normal_(policy.theta)
    table = policy()
    for place, found in enumerate(gradient_norms(world, table).flatten()):
        (gradient,) = torch.autograd.grad(table.flatten()[place], policy.theta, retain_graph=True)
        torch.testing.assert_close(found, gradient.norm())
