"""Triples: gold, second and last of each ranking, all different."""

from __future__ import annotations

from typing import Any

import pytest

from penchant.curation.triples import Triples
from penchant.errors import DataError
from penchant.feedback import read


def triple_of(**row: Any) -> list[tuple[str, str, str]]:
    built = Triples().build(read([{"prompt": "Q", **row}]))
    return [(each["gold"], each["chosen"], each["rejected"]) for each in built.rows]


def test_the_best_is_gold_the_second_chosen_and_the_last_rejected() -> None:
    assert triple_of(completions=["a", "b", "c", "d"], scores=[1, 4, 3, 2]) == [("b", "c", "a")]
    assert triple_of(completions=["a", "b", "c"], ranks=[3, 1, 2]) == [("b", "c", "a")]


@pytest.mark.parametrize(
    ("completions", "scores"), [("ab", [1, 0]), ("abc", [1, 1, 0]), ("abc", [1, 0, 0]), ("aab", [2, 1, 0])]
)
def test_without_three_that_are_apart_there_is_no_triple(completions: str, scores: list[float]) -> None:
    assert triple_of(completions=list(completions), scores=scores) == []


def test_a_pair_is_an_error() -> None:
    with pytest.raises(DataError, match="triples needs rankings with scores or ranks, but this is a comparison"):
        Triples().build(read([{"prompt": "Q", "chosen": "a", "rejected": "b"}]))


def test_real_rankings(shared) -> None:
    built = Triples().build(read(shared / "data" / "alpaca_eval_ranked.jsonl.gz"))
    assert len(built.rows) > 100
    assert all(len({str(row[name]) for name in ("gold", "chosen", "rejected")}) == 3 for row in built.rows)
