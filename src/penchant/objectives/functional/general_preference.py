"""General preference models: skew-symmetric scores of embeddings, which can be cyclic."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["antisymmetric", "average_scores", "block_weights", "skew_score", "skew_table", "unit"]


def skew_score(first: Tensor, second: Tensor, weights: Tensor | None = None) -> Tensor:
    """The score of a response over another one, from their embeddings.

    s(a ≻ b) = Σ_i λ_i (a_{2i−1} b_{2i} − a_{2i} b_{2i−1})

    Args:
        first: [..., 2k] embeddings of the first responses.
        second: [..., 2k] embeddings of the second ones.
        weights: [..., k] λ, one for each block of two; 1 if absent.

    Returns:
        [...]; s(a ≻ b) = −s(b ≻ a), and 0 for equal embeddings.

    Example:
        >>> skew_score(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
        tensor(1.)

    Reference:
        Zhang et al. (2024), Beyond Bradley-Terry Models: A General Preference Model for Language Model Alignment.
    """
    areas = first[..., 0::2] * second[..., 1::2] - first[..., 1::2] * second[..., 0::2]
    return (areas if weights is None else areas * weights).sum(dim=-1)


def skew_table(embeddings: Tensor, weights: Tensor | None = None) -> Tensor:
    """The scores of every response over every other one.

    S_ij = s(i ≻ j)

    Args:
        embeddings: [..., K, 2k].
        weights: [..., k] λ of the prompt; 1 if absent.

    Returns:
        [..., K, K], antisymmetric.

    Example:
        >>> skew_table(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        tensor([[ 0.,  1.],
                [-1.,  0.]])
    """
    spread = None if weights is None else weights[..., None, None, :]
    return skew_score(embeddings.unsqueeze(-2), embeddings.unsqueeze(-3), spread)


def block_weights(logits: Tensor, scale: Literal["sum_to_one", "sum_to_k"] = "sum_to_one") -> Tensor:
    """The weights of the blocks, from the output of a head on the prompt.

    λ = softmax(W h_prompt),   or k times that

    Args:
        logits: [..., k] W h_prompt.
        scale: what the weights sum to.

    Returns:
        [..., k], positive.

    Example:
        >>> block_weights(torch.zeros(2)), block_weights(torch.zeros(2), "sum_to_k")
        (tensor([0.5000, 0.5000]), tensor([1., 1.]))
    """
    found = logits.softmax(dim=-1)
    return found if scale == "sum_to_one" else found * logits.shape[-1]


def unit(embeddings: Tensor) -> Tensor:
    """Embeddings of length 1.

    v / ‖v‖

    Args:
        embeddings: [..., d].

    Returns:
        [..., d]; 0 for the embedding 0.

    Example:
        >>> unit(torch.tensor([3.0, 4.0]))
        tensor([0.6000, 0.8000])
    """
    return torch.nn.functional.normalize(embeddings, dim=-1)


def antisymmetric(raw: Tensor) -> Tensor:
    """A table of scores of pairs in both orders as one antisymmetric table.

    S_ij = raw_ij − raw_ji

    The score of a table that is antisymmetric already doubles.

    Args:
        raw: [..., K, K], the score of i over j where i stood first.

    Returns:
        [..., K, K].

    Example:
        >>> antisymmetric(torch.tensor([[5.0, 1.0], [0.0, 5.0]]))
        tensor([[ 0.,  1.],
                [-1.,  0.]])
    """
    return raw - raw.transpose(-1, -2)


def average_scores(table: Tensor) -> Tensor:
    """The mean score of each response over all K candidates, itself included (0).

    ŝ_i = (1 / K) Σ_j S_ij

    Args:
        table: [..., K, K], antisymmetric.

    Returns:
        [..., K]; they sum to 0.

    Example:
        >>> average_scores(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
        tensor([ 0.5000, -0.5000])

    Reference:
        Zhang et al. (2024), Beyond Bradley-Terry Models, section 4.
    """
    return table.mean(dim=-1)
