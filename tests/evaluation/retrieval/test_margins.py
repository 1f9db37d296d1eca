"""Margins of embeddings: their definition, their bound, and what the losses reach."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from penchant.errors import ConfigurationError
from penchant.evaluation.retrieval.margins import best_threshold, margin, margin_bound, sparse_dimension
from penchant.evaluation.retrieval.separation import SEARCH, Fit, fit_embeddings, smallest_dimension

SEEDS = st.integers(0, 2**31 - 1)


def drawn(seed: int, queries: int = 6, items: int = 5, width: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines of random unit embeddings, and a relevance matrix with both kinds of pairs."""
    generator = torch.Generator().manual_seed(seed)
    one, other = (normalize(torch.randn(each, width, generator=generator), dim=1) for each in (queries, items))
    relevance = torch.rand(queries, items, generator=generator) < 0.4
    relevance[0, 0], relevance[0, 1] = True, False
    return one @ other.T, relevance.float()


def test_orthonormal_embeddings_have_no_margin_at_0() -> None:
    assert margin(torch.eye(5), torch.eye(5)) == 0.0


@given(SEEDS)
def test_a_margin_is_the_worst_pair_and_a_quantile_leaves_some_out(seed: int) -> None:
    scores, relevance = drawn(seed)
    pairs = [float(s if a else -s) for s, a in zip(scores.flatten(), relevance.flatten(), strict=True)]
    assert margin(scores, relevance) == pytest.approx(min(pairs), abs=1e-6)
    assert (
        margin(scores, relevance) <= margin(scores, relevance, quantile=0.1) <= margin(scores, relevance, quantile=0.9)
    )


@given(SEEDS)
def test_no_threshold_has_a_larger_margin_than_the_best(seed: int) -> None:
    scores, relevance = drawn(seed)
    best = margin(scores, relevance, threshold=best_threshold(scores, relevance))
    assert all(margin(scores, relevance, threshold=step / 10) <= best + 1e-6 for step in range(-10, 11))


@given(SEEDS)
def test_no_embeddings_exceed_the_bound(seed: int) -> None:
    scores, relevance = drawn(seed)
    assert margin(scores, relevance) <= margin_bound(relevance) + 1e-9 <= 1 + 1e-9


@pytest.mark.parametrize("size", [2, 4, 8])
def test_the_bound_is_reached_where_the_best_embeddings_are_known(size: int) -> None:
    """Relevance by identity is symmetric, so equal weights within each kind are optimal."""
    queries, items = fit_embeddings(torch.eye(size), size, SEARCH)
    reached = margin(queries @ items.T, torch.eye(size))
    assert (
        0.93 * margin_bound(torch.eye(size), weights=99) < reached <= margin_bound(torch.eye(size), weights=99) + 1e-6
    )


def test_the_sigmoid_loss_reaches_a_larger_margin_than_info_nce() -> None:
    relevance = torch.block_diag(*[torch.ones(2, 2)] * 4)
    reached = {}
    for loss in ("sigmoid", "info-nce"):
        queries, items = fit_embeddings(relevance, 8, Fit(loss))  # type: ignore[arg-type]
        reached[loss] = margin(queries @ items.T, relevance)
    assert reached["sigmoid"] > 0 and reached["sigmoid"] > reached["info-nce"] + 0.1


def test_fits_are_the_same_for_the_same_seed_and_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (fit_embeddings(torch.eye(4), 3, Fit(steps=5, seed=seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.allclose(first.norm(dim=1), torch.ones(4))


def test_a_learned_bias_moves_to_where_most_pairs_are_irrelevant() -> None:
    fixed = fit_embeddings(torch.eye(8), 4, Fit(steps=50))
    learned = fit_embeddings(torch.eye(8), 4, Fit(steps=50, learned=True))
    assert not torch.equal(fixed[0], learned[0])


def test_a_larger_margin_needs_a_larger_dimension() -> None:
    needed = [smallest_dimension(torch.eye(6), least=least, starts=1) for least in (0.0, 0.4)]
    assert needed[1] > needed[0]


def test_the_dimension_for_sparse_rows_grows_with_both_numbers() -> None:
    assert sparse_dimension(64, 1) < sparse_dimension(64, 2) < sparse_dimension(128, 2)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected the same"):
        margin(torch.eye(2), torch.eye(3))
    with pytest.raises(ConfigurationError, match="quantile is 1"):
        margin(torch.eye(2), torch.eye(2), quantile=1.0)
    with pytest.raises(ConfigurationError, match="nothing to separate"):
        best_threshold(torch.eye(2), torch.ones(2, 2))
    with pytest.raises(ConfigurationError, match="No embeddings of this matrix have a margin above"):
        smallest_dimension(torch.eye(8), least=0.9)
    with pytest.raises(ConfigurationError, match="do not separate"):
        smallest_dimension(torch.eye(8), Fit(steps=1), largest=1)
    with pytest.raises(ConfigurationError, match="dimension is 0"):
        fit_embeddings(torch.eye(2), 0)
    with pytest.raises(ConfigurationError, match="expected from 1 to 3"):
        sparse_dimension(4, 4)
    with pytest.raises(ConfigurationError, match="above 0"):
        Fit(steps=0)
    with pytest.raises(ConfigurationError, match="Losses are sigmoid"):
        Fit("hinge")  # type: ignore[arg-type]
