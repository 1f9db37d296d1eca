"""Few shapes of matrix products where the library behind them keeps memory for every new shape.

PyTorch computes bfloat16 products on a CPU with oneDNN, which compiles and keeps code and buffers for every shape that
it meets. Forests differ in length from batch to batch, so a run would keep hundreds of MiB. Rows of tokens and of
logits are therefore filled up to a multiple there, and few products are kept. The rows that were added are cut off
again, and have no gradient.
"""

from __future__ import annotations

import functools
import os

import torch
from torch import Tensor

from penchant.forest.layout import Forest
from penchant.forest.padding import padded

__all__ = ["few_lengths", "few_rows", "keep_few_products", "keeps_shapes"]

# The lengths of a run's forests and targets become multiples of this.
MULTIPLE = 64
# Products that are kept: those of one forward and backward pass, whose layers are alike.
KEPT = "16"
# Read once, at the first product: by PyTorch's own layer over oneDNN, and by oneDNN.
CAPACITIES = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")


@functools.cache
def keep_few_products() -> None:
    """Let the libraries keep few products, unless the environment says how many; before the first one."""
    for name in CAPACITIES:
        os.environ.setdefault(name, KEPT)


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
    if not keeps_shapes(weight):
        return forest
    keep_few_products()
    return padded(forest, MULTIPLE)


def few_rows(rows: Tensor) -> Tensor:
    """[K, ...] rows, filled up with zeros to a multiple of 64 where products with them keep shapes."""
    missing = -len(rows) % MULTIPLE
    if not missing or not keeps_shapes(rows):
        return rows
    return torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])])
