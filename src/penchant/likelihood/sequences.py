"""The plain road: every response a sequence of its own, padded on the right.

For models whose layers cannot take a forest (state-space, linear attention, ALiBi), and as the slow, obviously right
form that the fast path is compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from penchant.forest.layout import Forest

if TYPE_CHECKING:
    from penchant.likelihood.causal import CausalScorer

__all__ = ["sequence_rows"]


def sequence_rows(scorer: CausalScorer, forest: Forest) -> Tensor:
    """[K, D] outputs that predict the forest's targets, each sequence computed apart.

    Args:
        scorer: the model.
        forest: the batch; its sequences are used, its sharing is not.
    """
    device = forest.token_ids.device
    texts = [[*sequence.prompt, *sequence.response] for sequence in forest.sequences]
    longest = max(len(text) for text in texts)
    # Right padding is harmless in a causal model: no kept position looks to its right.
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts], device=device)
    lengths = torch.tensor([len(text) for text in texts], device=device)
    attention_mask = (torch.arange(longest, device=device)[None] < lengths[:, None]).long()
    inputs = {"input_ids": ids, "attention_mask": attention_mask, "use_cache": False}
    return scorer.outputs_at(inputs, _first_places(forest, longest, device))


def _first_places(forest: Forest, longest: int, device: torch.device) -> Tensor:
    """[K] for each target, the flat place (in the padded batch) of an output that predicts it."""
    begins = torch.tensor([len(sequence.prompt) - 1 for sequence in forest.sequences], device=device)
    place = torch.arange(len(begins), device=device)[:, None] * longest + begins[:, None]
    place = place + torch.arange(forest.mask.shape[1], device=device)[None]
    result = torch.zeros(len(forest.targets), dtype=torch.long, device=device)
    result[forest.target_of[forest.mask]] = place[forest.mask]
    return result
