"""Baselines, lists of a model, and their measures against counting by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from penchant.curation.recommendation.models import small_model, word_tokenizer
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.recommendation.baselines import BASELINES, build_baseline
from penchant.evaluation.recommendation.measuring import Users, measure
from penchant.evaluation.recommendation.next_item import next_item, self_information
from penchant.evaluation.recommendation.relevance import relevance_metrics
from penchant.generation.catalogue import Item
from penchant.generation.recommender import Recommender

LEARNED = [[0, 1, 2], [0, 1], [1, 2, 3], [4, 5], [5, 4, 0]]
HISTORIES, TARGETS = [[0], [4, 1], [2]], [1, 5, 3]


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_lists_distinct_items_that_the_user_does_not_have(name: str) -> None:
    fitted = build_baseline(name, LEARNED, 6)
    for history in HISTORIES:
        best = fitted.top(history, 6)
        assert sorted(best) == sorted(set(range(6)) - set(history))
        assert fitted.top(history, 6) == best


def test_neighbours_are_the_cosine_of_the_sets_of_users() -> None:
    fitted = build_baseline("item-knn", LEARNED, 6)
    taken = np.array([[item in each for item in range(6)] for each in LEARNED], dtype=float)
    unit = taken / np.linalg.norm(taken, axis=0)
    near = unit.T @ unit - np.eye(6)
    for history in HISTORIES:
        assert fitted.scores(history) == pytest.approx(near[history].sum(0))


def test_measures_are_those_of_the_general_metrics() -> None:
    lists = [[1, 2, 3], [0, 5, 2], [0, 1, 4]]
    found = next_item("mine", lists, TARGETS, k=3, information=[1.0] * 6)
    wanted = relevance_metrics(lists, [{target} for target in TARGETS])
    assert (found.hit.value, found.ndcg.value, found.mrr.value) == pytest.approx(
        (wanted["HR"], wanted["NDCG"], wanted["MRR"])
    )
    assert found.coverage == 1.0
    assert next_item("mine", lists, TARGETS, k=1, information=[1.0] * 6).hit.value == pytest.approx(1 / 3)


def test_what_everybody_takes_is_no_news() -> None:
    bits = self_information([[0], [0, 1], [0]], 3)
    assert bits == pytest.approx([0.0, 1.0, 2.0])
    assert all(early <= late for early, late in pairwise(bits))


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    words = [f"<a{number}>" for number in range(6)]
    tokenizer = word_tokenizer(words)
    model = small_model(tokenizer, width=32, layers=1, longest=12)
    return Recommender(model, tokenizer, [Item(each, each) for each in words])


def test_lists_of_a_model_are_full_although_its_best_items_are_known_to_the_user(recommender: Recommender) -> None:
    for k in (1, 2):
        for history, best in zip(HISTORIES, recommender.top(HISTORIES, k, beams=1), strict=True):
            assert len(set(best)) == k
            assert not set(best) & set(history)
    assert len(recommender.top([[0]], 6, seen=True)[0]) == 6


def test_a_history_beyond_the_context_loses_its_oldest_items(recommender: Recommender) -> None:
    long = [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert recommender.top([long], 2, seen=True) == recommender.top([long[-5:]], 2, seen=True)
    assert recommender.top([long], 2, seen=True) == recommender.top([[5, *long]], 2, seen=True)


def test_lists_longer_than_the_catalogue_and_users_without_items_are_refused(recommender: Recommender) -> None:
    with pytest.raises(ConfigurationError, match="k is 7, but the catalogue has 6"):
        recommender.top([[0]], 7)
    with pytest.raises(DataError, match="no history"):
        recommender.top([[]], 1)


def test_a_model_is_compared_with_every_baseline(recommender: Recommender, tmp_path) -> None:
    recommender.model.save_pretrained(tmp_path)
    recommender.renderer.tokenizer.save_pretrained(tmp_path)
    users = Users(recommender.catalogue.items, LEARNED, HISTORIES, TARGETS)
    found = measure(users, [str(tmp_path)], ["random", "popularity"], k=2)
    assert [each.name for each in found.rows] == ["random", "popularity", str(tmp_path)]
    model, popular = found.rows[2], found.rows[1]
    [against] = [each for each in found.comparisons if each.baseline == "popularity"]
    assert against.difference.value == pytest.approx(model.ndcg.value - popular.ndcg.value)
    assert all(math.isfinite(each.novelty.value) for each in found.rows)
    assert torch.is_grad_enabled()
