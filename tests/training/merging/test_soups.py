"""Soups: which models are chosen, and that the choice is never worse than the best of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, ModelError
from penchant.evaluation.policies.held_out import Measure
from penchant.training.merging.soups import cook_soup, greedy_choice, maximum_choice
from small_runs import write_pairs


@given(st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_soup_is_never_worse_than_the_best_model(count: int, draws: object) -> None:
    known: dict[tuple[int, ...], float] = {}

    def score(members: tuple[int, ...]) -> float:
        return known.setdefault(tuple(sorted(members)), draws.random())  # type: ignore[attr-defined]

    greedy = greedy_choice(count, score)
    best = max(known[(place,)] for place in range(count))
    assert greedy.score >= best
    assert greedy.score == known[tuple(sorted(greedy.members))]
    assert maximum_choice(count, score).score == max(known.values()) >= greedy.score


def test_a_search_over_too_many_subsets_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="127 subsets"):
        maximum_choice(7, lambda members: 0.0)


def test_a_soup_is_written_with_what_was_tried(tuned: Callable[..., Path], tmp_path: Path) -> None:
    models = [tuned("near", 1, noise=0.02), tuned("far", 2, noise=0.5), tuned("also", 3, noise=0.02)]
    data = write_pairs(tmp_path / "pairs.jsonl")
    measure = Measure("likelihood", str(data))
    lines: list[str] = []
    soup, merged = cook_soup(models, "greedy", measure, tmp_path / "soup", said=lines.append)
    assert measure(merged.folder) == pytest.approx(soup.score)
    assert soup.score >= max(measure(each) for each in models)
    noted = json.loads((merged.folder / "merge.json").read_text())
    assert noted["soup"] == "greedy"
    assert len(noted["tried"]) == len(lines) == 5
    assert not list(tmp_path.glob(".soup-*"))


def test_a_score_that_is_not_finite_is_an_error(tuned: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"score of .*first is nan"):
        cook_soup([tuned("first"), tuned("second")], "greedy", lambda folder: float("nan"), tmp_path / "soup")
