"""The front and the hypervolume of a search."""

from __future__ import annotations

import random

import pytest

from penchant.training.search.front import hypervolume, pareto_front


def points(seed: int) -> list[tuple[float, float]]:
    draw = random.Random(seed)
    return [(draw.randint(0, 9) / 10, float(draw.randint(1, 12))) for _each in range(20)]


def beats(first: tuple[float, float], second: tuple[float, float]) -> bool:
    return first != second and first[0] >= second[0] and first[1] <= second[1]


@pytest.mark.parametrize("seed", range(10))
def test_the_front_is_what_no_point_beats(seed: int) -> None:
    given = points(seed)
    front = {given[place] for place in pareto_front(given)}
    assert front == {each for each in given if not any(beats(other, each) for other in given)}
    assert len(pareto_front(given)) == len(front)


@pytest.mark.parametrize("seed", range(10))
def test_the_hypervolume_is_the_share_of_a_grid_and_never_falls(seed: int) -> None:
    given = points(seed)
    volumes = [hypervolume(given[:count], gain=0.2, cost=12.0) for count in range(1, 21)]
    assert volumes == sorted(volumes)
    # Cells of 0.1 by 1: one counts if a point gains at least its upper gain and costs at most its lower cost.
    cells = sum(
        any(gain >= (row + 1) / 10 and cost <= column for gain, cost in given)
        for row in range(2, 10)
        for column in range(12)
    )
    assert volumes[-1] == pytest.approx(cells * 0.1)
