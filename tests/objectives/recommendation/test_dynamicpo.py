"""DynamicPO and ReRe: what their sheets list."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives import Scored, build
from penchant.objectives.functional.ranking_rewards import hit_rewards, ranking_rewards
from penchant.objectives.recommendation.dynamicpo import DynamicPO, boundary_negatives, top_cluster

VALUES = st.lists(st.floats(-10, 10), min_size=1, max_size=7)


@given(VALUES)
def test_the_top_cluster_is_that_of_the_best_of_all_divisions(values: list[float]) -> None:
    kept = torch.tensor(values, dtype=torch.float64)
    line = sorted(values)
    count = min(3, len(values))

    def cost(cuts: tuple[int, ...]) -> float:
        parts = [line[start:stop] for start, stop in itertools.pairwise((0, *cuts, len(line)))]
        return sum(sum((each - sum(part) / len(part)) ** 2 for each in part) for part in parts)

    best = min(itertools.combinations(range(1, len(line)), count - 1), key=cost)
    found = kept[top_cluster(kept)].tolist()
    start = len(line) - len(found)
    ours = min(
        (cuts for cuts in itertools.combinations(range(1, len(line)), count - 1) if not cuts or cuts[-1] == start),
        key=cost,
    )
    assert sorted(found) == line[start:]
    assert cost(ours) == pytest.approx(cost(best), abs=1e-9)


@given(VALUES, st.floats(-10, 10))
def test_the_boundary_is_never_empty_and_beta_stays_in_its_range(values: list[float], chosen: float) -> None:
    negatives = torch.tensor(values, dtype=torch.float64)
    used, betas = DynamicPO(beta=2.0).choose(torch.tensor(chosen, dtype=torch.float64), negatives)
    assert used.any() and ((betas >= 1.0) & (betas <= 3.0)).all()
    above = negatives >= chosen
    assert (
        torch.equal(boundary_negatives(torch.tensor(chosen, dtype=torch.float64), negatives), above) or not above.any()
    )


def test_negatives_off_the_boundary_get_no_gradient() -> None:
    policy = torch.tensor([[-2.0], [-1.0], [-9.0], [-8.0]], dtype=torch.float64, requires_grad=True)
    view = Scored(
        policy, policy.detach() - 0.1, torch.ones(4, 1, dtype=torch.bool), group=torch.zeros(4, dtype=torch.long)
    )
    build("dynamicpo")(responses=view, ranks=torch.tensor([1.0, 2.0, 2.0, 2.0])).values.sum().backward()
    assert policy.grad is not None
    assert policy.grad.flatten().tolist()[2:] == [0.0, 0.0] and policy.grad[0] < 0 < policy.grad[1]


def test_rewards_of_a_group_with_the_target_sum_to_the_weight_of_the_others_and_punish_early_misses_more() -> None:
    items = ["a", "b", "c", "d"]
    found = ranking_rewards(items, "c")
    assert found[0] < found[1] < found[3] < found[2] == 0.0
    weights = [1.0, 0.6309297535714575, 0.5, 0.43067655807339306]
    assert sum(found) == pytest.approx(-(1 - 0.5 / sum(weights)))
    assert ranking_rewards(items, "z") == [0.0] * 4 and hit_rewards(items, "z") == [0.0] * 4
