"""Regression of several ratings of a response, with missing ones, and how ratings combine into one reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError

__all__ = ["GRID", "VerbosityPenalty", "masked_squares", "verbosity_penalty"]

#: The penalties that are tried, as in the code of ArmoRM.
GRID: tuple[float, ...] = (
    0.0,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.125,
    0.15,
    0.2,
    0.25,
    0.3,
    0.35,
    0.4,
    0.45,
    0.5,
    0.55,
    0.6,
    0.65,
    0.7,
)
GRID += (0.75, 0.8, 0.85, 0.9, 0.95)


def masked_squares(predicted: Tensor, ratings: Tensor) -> Tensor:
    """The squared error averaged over the ratings that are present.

    loss = (1 / |present|) Σ_k (r̂_k − r_k)²

    Args:
        predicted: [..., K].
        ratings: [..., K]; NaN where a rating is missing.

    Returns:
        [...]; 0 where none is present.

    Example:
        >>> masked_squares(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, float("nan")]]))
        tensor([4.])
    """
    present = ~ratings.isnan()
    error = torch.where(present, predicted - torch.where(present, ratings, 0.0), 0.0)
    return error.square().sum(dim=-1) / present.sum(dim=-1).clamp(min=1)


def verbosity_penalty(
    rewards: Tensor, verbosity: int, threshold: float = 0.03, grid: Sequence[float] = GRID
) -> tuple[Tensor, Tensor]:
    """How much of the verbosity rating to take from each other rating, so that it no longer rewards length.

    r'_k = r_k − λ_k r_verbosity,   λ_k the smallest of the grid with Spearman(r'_k, r_verbosity) ≤ threshold

    Args:
        rewards: [N, K] ratings of a reference set.
        verbosity: which of the K is the verbosity.
        threshold: the largest rank correlation that is left.
        grid: the penalties that are tried, ascending.

    Returns:
        [K] the penalties and [K] the correlations that are left. A rating that no penalty of the grid suffices for has
        penalty 1 and the smallest correlation that was found, as in the published code; so has verbosity itself, with
        correlation 1.

    Example:
        >>> penalty, left = verbosity_penalty(torch.tensor([[1.0, 1.0], [2.0, 2.0], [2.9, 3.0]]), verbosity=1)
        >>> penalty
        tensor([1., 1.])

    Reference:
        Wang et al. (2024), Interpretable Preferences via Multi-Objective Reward Modeling and Mixture-of-Experts.
    """
    measured = rewards.double()
    length = measured[:, verbosity]
    penalties, left = torch.ones(measured.shape[1]), torch.ones(measured.shape[1])
    for place in range(measured.shape[1]):
        if place == verbosity:
            continue
        for penalty in grid:
            found = _spearman(measured[:, place] - penalty * length, length)
            left[place] = min(found, float(left[place]))
            if found <= threshold:
                penalties[place], left[place] = penalty, found
                break
    return penalties, left


class VerbosityPenalty(nn.Module):
    """The penalties on verbosity as a part of a reward model: fitted once on predicted ratings, and saved with it.

    r'_k = r_k − λ_k r_verbosity,   with λ of `verbosity_penalty`; 0 before it is fitted

    Args:
        ratings: number K of ratings of a response.
        verbosity: which of them says how verbose a response is, from 0.
        threshold: the largest rank correlation that is left.

    Example:
        >>> part = VerbosityPenalty(2, verbosity=1)
        >>> predicted = torch.tensor([[1.0, 1.0], [1.5, 2.0], [1.4, 3.0]])
        >>> part(predicted)[:, 0]
        tensor([1.0000, 1.5000, 1.4000])
        >>> part.fit(predicted)["penalties"]
        [0.2, 1.0]
        >>> part(predicted)[:, 0]
        tensor([0.8000, 1.1000, 0.8000])
    """

    penalties: Tensor

    def __init__(self, ratings: int, verbosity: int, threshold: float = 0.03) -> None:
        super().__init__()
        self.verbosity, self.threshold = verbosity, threshold
        self.register_buffer("penalties", torch.zeros(ratings))

    @classmethod
    def of(cls, ratings: int, verbosity: int | None, threshold: float, objective: str) -> VerbosityPenalty | None:
        """The part that the settings of an objective ask for; None if they name no verbosity.

        Args:
            ratings: number K of ratings.
            verbosity: its number, or None.
            threshold: as above.
            objective: its id, for the error.

        Raises:
            ConfigurationError: there is no such rating, or no other one.

        Example:
            >>> VerbosityPenalty.of(2, None, 0.03, "multi-label-reward") is None
            True
        """
        if verbosity is None:
            return None
        if verbosity >= ratings or ratings == 1:
            raise ConfigurationError(
                f"'verbosity' is {verbosity}, expected the number of one of several ratings; there "
                f"{'is 1' if ratings == 1 else f'are {ratings}, from 0 to {ratings - 1}'}.",
                where=f"objective {objective}",
                fix="Give the place of the rating that says how verbose a response is, or leave 'verbosity' out.",
            )
        return cls(ratings, verbosity, threshold)

    def forward(self, ratings: Tensor) -> Tensor:
        """The ratings [..., K] less the verbosity in them; that of verbosity itself is 0 once fitted."""
        return ratings - self.penalties.to(ratings) * ratings[..., self.verbosity, None]

    def fit(self, ratings: Tensor) -> dict[str, Any]:
        """Find the penalties.

        Args:
            ratings: [N, K] predicted for the responses of a reference set.

        Returns:
            ``penalties``; the rank correlations with verbosity ``before`` and ``after``; ``responses``, their number.
        """
        measured = ratings.detach().double().cpu()
        found, after = verbosity_penalty(measured, self.verbosity, self.threshold)
        self.penalties.copy_(found)
        length = measured[:, self.verbosity]
        return {
            "penalties": [round(each, 4) for each in found.tolist()],
            "before": [_spearman(each, length) for each in measured.unbind(-1)],
            "after": after.tolist(),
            "responses": len(measured),
        }


def _spearman(first: Tensor, second: Tensor) -> float:
    """The rank correlation, ties with their mean rank; 0 where one does not vary."""
    ranks = torch.stack([_ranks(first), _ranks(second)])
    ranks = ranks - ranks.mean(dim=1, keepdim=True)
    size = ranks.square().sum(dim=1).prod().sqrt()
    return float(ranks.prod(dim=0).sum() / size) if size > 0 else 0.0


def _ranks(values: Tensor) -> Tensor:
    _, place, count = values.unique(return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    return (last - (count - 1) / 2)[place]
