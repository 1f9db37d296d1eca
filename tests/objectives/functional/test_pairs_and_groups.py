"""What losses of pairs and of lists share."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives.functional.groups import (
    first_of_group,
    group_bradley_terry,
    group_log_softmax,
    group_max,
    group_mean,
    group_plackett_luce,
    group_sum,
)
from penchant.objectives.functional.pairs import logistic

numbers = st.floats(-1e4, 1e4)


@given(st.lists(st.tuples(numbers, st.integers(0, 3)), min_size=1, max_size=12))
def test_groups_do_what_each_group_alone_would(rows: list[tuple[float, int]]) -> None:
    order = {old: new for new, old in enumerate(dict.fromkeys(member for _, member in rows))}
    values = torch.tensor([value for value, _ in rows], dtype=torch.float64)
    group = torch.tensor([order[member] for _, member in rows])
    for place in range(len(order)):
        own = values[group == place]
        torch.testing.assert_close(group_log_softmax(values, group)[group == place], own.log_softmax(0))
        torch.testing.assert_close(group_sum(values, group)[place], own.sum())
        torch.testing.assert_close(group_mean(values, group)[place], own.mean())


def test_no_groups_have_no_values() -> None:
    nothing = torch.zeros(0)
    no_groups = torch.zeros(0, dtype=torch.long)
    for function in (group_log_softmax, group_max, group_mean, group_sum):
        assert function(nothing, no_groups).shape == (0,)
    for ranking in (group_plackett_luce, group_bradley_terry):
        assert ranking(nothing, nothing, no_groups).shape == (0,)


@given(numbers, st.floats(0, 1))
def test_flipping_label_and_margin_together_changes_nothing(margin: float, flipped: float) -> None:
    z = torch.tensor([margin], dtype=torch.float64)
    torch.testing.assert_close(logistic(z, flipped), logistic(-z, 1 - flipped))
    torch.testing.assert_close(logistic(z, torch.tensor([flipped], dtype=torch.float64)), logistic(z, flipped))
    assert float(logistic(torch.zeros(1), flipped)) == pytest.approx(math.log(2), rel=1e-6)


@given(st.lists(st.tuples(numbers, st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=10))
def test_rankings_and_firsts_are_what_each_group_alone_would_have(rows: list[tuple[float, int, int]]) -> None:
    order = {old: new for new, old in enumerate(dict.fromkeys(member for *_, member in rows))}
    values = torch.tensor([row[0] for row in rows], dtype=torch.float64)
    scores = torch.tensor([row[1] for row in rows], dtype=torch.float64)
    group = torch.tensor([order[row[2]] for row in rows])
    ranked, paired = (each(values, scores, group) for each in (group_plackett_luce, group_bradley_terry))
    for place in range(len(order)):
        own, told = values[group == place], scores[group == place]
        assert group_max(values, group)[place] == own.max()
        assert first_of_group(group)[group == place].tolist() == [True] + [False] * (len(own) - 1)
        left = own[sorted(range(len(own)), key=lambda row: -told[row])]  # Python's sort keeps the order of equals
        picks = [left[start:].logsumexp(0) - left[start] for start in range(len(left))]
        torch.testing.assert_close(ranked[place], sum(picks, torch.zeros((), dtype=torch.float64)))
        pairs = [logistic(own[i] - own[j], torch.sigmoid(told[j] - told[i])) for i in range(len(own)) for j in range(i)]
        mean = torch.stack(pairs).mean() if pairs else torch.zeros((), dtype=torch.float64)
        torch.testing.assert_close(paired[place], mean)
