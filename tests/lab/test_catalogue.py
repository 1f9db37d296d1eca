"""The catalogue world: the same for the same seed, and ratings that follow taste and quality."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.ratings.baselines import global_mean, item_mean, matrix_factorisation
from penchant.evaluation.recommendation.ratings.protocol import rating_metrics, split_by_time
from penchant.evaluation.retrieval.miners import mine_negatives
from penchant.lab.worlds.catalogue import CatalogueWorld, make_items
from penchant.lab.worlds.catalogue.retrieval import retrieval_of
from penchant.lab.worlds.registry import WORLDS


def test_the_same_seed_gives_the_same_world() -> None:
    assert CatalogueWorld().rated() == CatalogueWorld().rated() != CatalogueWorld(world_seed=1).rated()
    assert WORLDS.get("catalogue") is CatalogueWorld


def test_a_user_rates_an_item_once_and_never_two_at_one_time() -> None:
    world = CatalogueWorld(users=20)
    for user in range(20):
        own = [each for each in world.rated() if each.user == user]
        assert len({each.item for each in own}) == len({each.time for each in own}) == len(own) == world.ratings
        assert [each.time for each in own] == sorted(each.time for each in own)
        assert {each.rating for each in own} <= {1.0, 2.0, 3.0, 4.0, 5.0}


def test_items_explain_ratings_and_tastes_explain_more() -> None:
    split = split_by_time(CatalogueWorld().rated())
    errors = [
        rating_metrics(each(split), split.tasks)["RMSE"] for each in (global_mean, item_mean, matrix_factorisation)
    ]
    assert errors[0] > errors[1] + 0.03 > errors[2] + 0.06


def test_a_description_shares_no_word_with_the_title_and_means_one_item() -> None:
    items, rng = make_items(200), random.Random(0)
    for item in items:
        assert not set(item.description(rng).split()) & set(item.title.split())
    assert len({(item.topic, item.mood, item.kind, item.word) for item in items}) == 200


def test_a_question_names_its_item_and_retrieval_learns_other_words() -> None:
    retrieval = retrieval_of(CatalogueWorld(items=60, users=10), seed=1)
    assert retrieval.train.documents == retrieval.test.documents and len(retrieval.train.queries) == 120
    negatives = mine_negatives("random", retrieval.train, 4, retrieval.embedder)
    before, after = (retrieval.recall(negatives, steps=steps, seed=0, k=3) for steps in (1, 60))
    assert after > before + 0.2 and after > 0.8


def test_every_word_of_a_prompt_has_a_token() -> None:
    world = CatalogueWorld(users=2, items=4, ratings=3)
    unknown = world.tokenizer().unk_token_id
    titles = " ".join(item.title for item in make_items(1536))
    assert unknown not in world.tokenizer()(f"ratings from 1 to 5. {titles}: 4, {titles}: 3.")["input_ids"]


def test_sequences_are_the_liked_titles_in_order() -> None:
    world = CatalogueWorld(users=5)
    rows = world.sequences()
    liked = [each.title for each in world.rated() if each.user == 2 and each.rating >= 4]
    assert rows[2] == {"user": 2, "items": liked} and fmean(len(row["items"]) for row in rows) > 5


def test_more_ratings_than_items_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="5 users rate 9 of 4 items"):
        CatalogueWorld(users=5, items=4, ratings=9)
