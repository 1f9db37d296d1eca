"""Few shapes of matrix products where the library behind them keeps memory for every new shape.

PyTorch computes bfloat16 products on a CPU with oneDNN, which compiles and keeps code for every shape that it meets.
Forests differ in length from batch to batch, so a run would keep thousands. Rows of tokens and of logits are therefore
filled up to a multiple there; the rows that were added are cut off again, and have no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.forest.layout import Forest
from penchant.forest.padding import padded

__all__ = ["few_lengths", "few_rows", "keeps_shapes"]

# The lengths of a run's forests and targets become multiples of this.
MULTIPLE = 64


def keeps_shapes(example: Tensor) -> bool:
    """Whether products with this tensor are of the kind that takes memory for every new shape.

    Args:
        example: a weight or hidden states; under autocast its own number type does not matter.
    """
    if example.device.type != "cpu":
        return False
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu") == torch.bfloat16
    return example.dtype == torch.bfloat16


def few_lengths(forest: Forest, weight: Tensor) -> Forest:
    """The forest, filled up to a multiple of 64 tokens where the products with ``weight`` keep shapes."""
    return padded(forest, MULTIPLE) if keeps_shapes(weight) else forest


def few_rows(rows: Tensor) -> Tensor:
    """[K, ...] rows, filled up with zeros to a multiple of 64 where products with them keep shapes."""
    missing = -len(rows) % MULTIPLE
    if not missing or not keeps_shapes(rows):
        return rows
    return torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])])
