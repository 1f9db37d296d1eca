"""Effective contrastive information, miners, and embeddings of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, ModelError
from penchant.evaluation.retrieval.contrastive import contrastive_information, information_of_query
from penchant.evaluation.retrieval.miners import MINERS, Pool, mine_negatives, word_scores
from penchant.lab.worlds.language import build_tokenizer, tiny_model
from penchant.likelihood.inside.text_embeddings import ModelEmbedder, TextStatistics, find_embedder

SCORES = st.lists(st.floats(-1, 1), min_size=1, max_size=10)
READINGS = st.sampled_from(["cut", "margin"])
TEXTS = ["red castle tale", "blue castle tale", "red dragon quest", "green meadow song", "old harbour storm"]
POOL = Pool(["a red castle", "the meadow"], TEXTS * 4, [0, 3])


@given(SCORES, READINGS, st.randoms())
def test_the_order_of_negatives_does_not_matter(scores: list[float], reading: str, rng: object) -> None:
    shuffled = list(scores)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (information_of_query(0.9, each, reading=reading) for each in (scores, shuffled))  # type: ignore[arg-type]
    assert one == pytest.approx(other) and 0 <= one <= np.log(1 + len(scores)) + 1e-9


@given(st.floats(0.05, 0.7), READINGS, st.integers(1, 20))
def test_it_grows_with_the_number_of_equal_negatives(score: float, reading: str, count: int) -> None:
    fewer, more = (information_of_query(0.8, [score] * each, reading=reading) for each in (count, count + 1))  # type: ignore[arg-type]
    assert more > fewer > 0


@pytest.mark.parametrize("reading", ["cut", "margin"])
def test_none_easy_and_false_negatives_are_worth_nothing(reading: str) -> None:
    assert information_of_query(0.8, [], reading=reading) == 0.0  # type: ignore[arg-type]
    assert information_of_query(0.8, [0.0, -0.4], reading=reading) == 0.0  # type: ignore[arg-type]
    assert information_of_query(0.8, [0.9, 0.85], reading=reading) == 0.0  # type: ignore[arg-type]


def test_the_readings_by_hand() -> None:
    """Scores 0.9 and 0.3: the mean is 0.6, one of two is under the cut of 0.8; 0.3 is a margin away from 0.85."""
    harmonic = 2 * 0.6 * 0.5 / 1.1
    assert information_of_query(0.85, [0.9, 0.3]) == pytest.approx(np.log(3) * harmonic)
    assert information_of_query(0.85, [0.9, 0.3], reading="margin") == pytest.approx(np.log(3) * harmonic)
    assert contrastive_information([0.85, 0.85], [[0.9, 0.3], []]) == pytest.approx(np.log(3) * harmonic / 2)


def test_readings_and_lists_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="reading is 'share'"):
        information_of_query(0.9, [0.1], reading="share")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="2 positives and 1 lists"):
        contrastive_information([0.9, 0.8], [[0.1]])


@pytest.mark.parametrize("miner", MINERS)
def test_a_miner_never_takes_the_positive_and_nothing_twice(miner: str) -> None:
    embedder = TextStatistics(TEXTS)
    found = mine_negatives(miner, POOL, 8, embedder, seed=3)
    assert found.shape == (2, 8) and all(len(set(row)) == 8 for row in found.tolist())
    assert all(positive not in row for positive, row in zip(POOL.positives, found.tolist(), strict=True))
    assert (found == mine_negatives(miner, POOL, 8, embedder, seed=3)).all()


def test_hard_miners_find_texts_like_the_query() -> None:
    pool = Pool(["red castle"], TEXTS, [0])
    assert mine_negatives("bm25", pool, 2, TextStatistics(TEXTS))[0].tolist() == [1, 2] or (
        set(mine_negatives("bm25", pool, 2, TextStatistics(TEXTS))[0].tolist()) == {1, 2}
    )
    assert set(mine_negatives("dense", pool, 2, TextStatistics(TEXTS, dimensions=None))[0].tolist()) == {1, 2}


def test_popular_documents_are_mined_more_often() -> None:
    pool = Pool(["x"] * 200, TEXTS, [0] * 200, popularity=[1, 10, 1, 1, 1])
    first = mine_negatives("popular", pool, 1, TextStatistics(TEXTS))
    assert (first == 1).mean() > 0.6


def test_dense_without_the_first_leaves_the_nearest_out() -> None:
    embedder = TextStatistics(TEXTS, dimensions=None)
    nearest = mine_negatives("dense", POOL, 10, embedder)
    later = mine_negatives("dense-after-10", POOL, 5, embedder)
    # The positive may itself be one of the ten, so up to one of them is an eleventh neighbour.
    assert all(len(set(one) & set(other)) <= 1 for one, other in zip(nearest.tolist(), later.tolist(), strict=True))


def test_a_document_with_rarer_words_scores_higher() -> None:
    [scores] = word_scores(["castle tale harbour"], TEXTS)
    assert scores[4] > scores[2] == scores[3] == 0 and scores[0] == pytest.approx(scores[1])


def test_unknown_miners_and_too_many_negatives_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no miner 'bm52'"):
        mine_negatives("bm52", POOL, 2, TextStatistics(TEXTS))
    with pytest.raises(ConfigurationError, match="20 negatives are asked for of 20 documents"):
        mine_negatives("random", POOL, 20, TextStatistics(TEXTS))


def test_embeddings_are_unit_rows_and_unknown_words_are_nothing() -> None:
    for name in ("tf-idf", "tf-idf-svd"):
        rows = find_embedder(name, TEXTS).embed([*TEXTS, "zzz"])
        assert np.linalg.norm(rows[:-1], axis=1) == pytest.approx(np.ones(5)) and not rows[-1].any()
    with pytest.raises(ConfigurationError, match="no embedder 'tfidf'"):
        find_embedder("tfidf", TEXTS)
    with pytest.raises(ConfigurationError, match="hold no word"):
        TextStatistics(["", "!"])


def test_a_model_in_a_folder_embeds_whatever_stands_beside_a_text(tmp_path: Path) -> None:
    tokenizer = build_tokenizer()
    tiny_model(tokenizer, hidden=32, layers=1).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    embedder = find_embedder(tmp_path, [])
    texts = ["the kettle is great", "the lamp is loud, but it is very cheap and it works"]
    together, alone = embedder.embed(texts), embedder.embed(texts[:1])
    assert together.shape == (2, 32) and together[0] == pytest.approx(alone[0], abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx([1.0, 1.0])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No embedding model can be loaded"):
        ModelEmbedder(tmp_path)
