"""A SASRec-like recommender: self-attention over item vectors, trained to tell the next item from random ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from penchant.evaluation.recommendation.baseline import Baseline

__all__ = ["SelfAttention"]

Vector = np.ndarray[Any, Any]

_WIDTH, _LAYERS, _HEADS, _LENGTH = 64, 2, 2, 50
_EPOCHS, _BATCH, _RATE, _DROPOUT, _NEGATIVES = 40, 128, 1e-3, 0.2, 16


class _Network(nn.Module):
    """Vectors of items and places, causal self-attention, and the inner product with every item's vector."""

    def __init__(self, items: int) -> None:
        super().__init__()
        self.items = nn.Embedding(items + 1, _WIDTH, padding_idx=items)
        self.places = nn.Embedding(_LENGTH, _WIDTH)
        layer = nn.TransformerEncoderLayer(
            _WIDTH, _HEADS, _WIDTH, dropout=_DROPOUT, batch_first=True, norm_first=True, activation="relu"
        )
        self.blocks = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)
        self.last = nn.LayerNorm(_WIDTH)
        self.dropout = nn.Dropout(_DROPOUT)
        for table in (self.items, self.places):
            nn.init.normal_(table.weight, std=0.05)
        with torch.no_grad():
            self.items.weight[items] = 0

    def forward(self, taken: Tensor) -> Tensor:
        """[B, T, width] what is expected after each item of [B, T] histories, padded at their end."""
        length = taken.shape[1]
        states = self.dropout(self.items(taken) * _WIDTH**0.5 + self.places.weight[:length])
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        found: Tensor = self.last(self.blocks(states, mask=later))
        return found


class SelfAttention(Baseline):
    """SASRec-like: two layers of causal self-attention over the last 50 items, one vector an item.

    The loss is that of SASRec, −log σ(s_next) − log σ(−s_other) at every place of every history, here with the mean
    over 16 random items that the user did not take instead of one. An unseen user is read like any other history.

    Example:
        >>> histories = [[0, 1, 2], [1, 2, 0], [2, 0, 1]] * 8
        >>> SelfAttention(histories, 3).top([0, 1], 1, seen=True)
        [2]

    Reference:
        Kang and McAuley (2018), Self-Attentive Sequential Recommendation, arXiv:1808.09781.
    """

    def fit(self, histories: Sequence[Sequence[int]]) -> None:
        """See `Baseline.fit`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network = _Network(self.items)
            self._train([list(each)[-_LENGTH - 1 :] for each in histories if len(each) > 1])
        self.network.eval()

    def _train(self, histories: list[list[int]]) -> None:
        optimizer = torch.optim.Adam(self.network.parameters(), lr=_RATE, betas=(0.9, 0.98))
        generator = np.random.default_rng(self.seed)
        # Small data get as many steps as large ones would in a few passes.
        epochs = max(_EPOCHS, 200 * _BATCH // max(_BATCH, len(histories))) if histories else 0
        for _ in range(epochs):
            for taken, follows, others in self._batches(histories, generator):
                states = self.network(taken)
                known = follows < self.items
                right = (states * self.network.items(follows)).sum(-1)
                wrong = torch.einsum("btw,btnw->btn", states, self.network.items(others))
                losses = -logsigmoid(right) - logsigmoid(-wrong).mean(-1)
                loss = (losses * known).sum() / known.sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def _batches(
        self, histories: list[list[int]], generator: np.random.Generator
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Histories of similar lengths without their last item, what follows each item, and items not taken."""
        order = sorted(generator.permutation(len(histories)), key=lambda place: len(histories[place]))
        starts = generator.permutation(range(0, len(order), _BATCH))
        for start in starts:
            rows = [histories[place] for place in order[start : start + _BATCH]]
            length = max(map(len, rows)) - 1
            padded = np.full((len(rows), length + 1), self.items)
            for place, row in enumerate(rows):
                padded[place, : len(row)] = row
            others = generator.integers(0, self.items, (len(rows), length, _NEGATIVES))
            for place, row in enumerate(rows):
                own = np.isin(others[place], row)
                others[place][own] = self.items  # its vector is zero, so it says nothing
            yield (
                torch.from_numpy(padded[:, :-1].copy()),
                torch.from_numpy(padded[:, 1:].copy()),
                torch.from_numpy(others),
            )

    def scores(self, history: Sequence[int]) -> Vector:
        """See `Baseline.scores`."""
        recent = list(history)[-_LENGTH:]
        if not recent:
            return np.zeros(self.items)
        with torch.no_grad():
            state = self.network(torch.tensor([recent]))[0, -1]
            found: Vector = (self.network.items.weight[:-1] @ state).numpy()
        return found
