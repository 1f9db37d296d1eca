"""Online rounds in the tabular world: what each pairing supplies, and that references move as they should."""

from __future__ import annotations

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular import (
    PAIRINGS,
    Dials,
    Rounds,
    Samples,
    build_world,
    divergence,
    expected_reward,
    optimal_policy,
    run_rounds,
)

WORLD = build_world(Dials(prompts=4, responses=5), 1)
QUICK = Rounds(rounds=2, samples=8, steps=40)
METHODS = [
    ("dpo", "best_worst"),
    ("dpo", "all"),
    ("sppo", "exact"),
    ("sppo", "best_worst"),
    ("grpo", "group"),
    ("nll", "best"),
]


def hyper(name: str) -> str | torch.nn.Module:
    from penchant.objectives import build

    return build("sppo", beta=0.5) if name == "sppo" else name


@pytest.mark.parametrize(("name", "pairing"), METHODS)
def test_every_method_of_rounds_raises_the_reward(name: str, pairing: str) -> None:
    policies = run_rounds(WORLD, hyper(name), QUICK, seed=0, pairing=pairing, reference="previous")
    assert len(policies) == 3
    assert expected_reward(WORLD, policies[-1]) > expected_reward(WORLD, policies[0])


def test_self_play_approaches_the_expert() -> None:
    expert = optimal_policy(WORLD, 0.5)
    policies = run_rounds(WORLD, "spin", QUICK, seed=0, pairing="demonstration", prompts=200, expert=expert)
    assert divergence(expert, policies[-1]) < divergence(expert, policies[0])


def test_rounds_are_those_of_the_seed() -> None:
    one, same = (run_rounds(WORLD, "dpo", QUICK, seed=3)[-1]() for _ in range(2))
    assert torch.equal(one, same)
    assert not torch.equal(one, run_rounds(WORLD, "dpo", QUICK, seed=4)[-1]())


def test_the_reference_decides_what_the_next_round_is_held_to() -> None:
    ends = {
        rule: run_rounds(WORLD, "ipo", QUICK, seed=0, reference=rule)[-1] for rule in ("initial", "previous", "ema")
    }
    far = {rule: divergence(policy, WORLD.reference) for rule, policy in ends.items()}
    assert far["initial"] < far["previous"]
    # With a small step of the reference, moving lies between the two.
    assert far["initial"] <= far["ema"] <= far["previous"]


def test_pairs_never_hold_a_response_twice_and_choose_the_higher_score() -> None:
    response = torch.tensor([[0, 0, 1, 2], [3, 3, 3, 3]])
    scores = WORLD.reward[torch.tensor([[0], [1]]), response]
    samples = Samples(torch.tensor([0, 1]), response, scores, WORLD.reference, None, 0)
    for rule in ("best_worst", "best_second", "first_two", "all"):
        pairs = PAIRINGS[rule](WORLD, samples)
        assert (pairs.fields["margin"] > 0).all()
        assert (pairs.views["chosen"].response != pairs.views["rejected"].response).all()  # type: ignore[union-attr]
        assert (pairs.views["chosen"].prompt == 0).all()  # type: ignore[union-attr]


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigurationError, match="best_worst"):
        run_rounds(WORLD, "dpo", QUICK, seed=0, pairing="best_wurst")
    with pytest.raises(ConfigurationError, match="expert"):
        run_rounds(WORLD, "spin", QUICK, seed=0, pairing="demonstration")
