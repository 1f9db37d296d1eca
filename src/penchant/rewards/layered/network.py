"""`LayeredEnsemble`, the trained part of LEVI: a small model, and a head for each layer of the frozen one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from penchant.rewards.layered.features import Read

__all__ = ["LayeredEnsemble", "SmallModel"]

# Attention heads of the small model, and the base of its positions' wavelengths.
HEADS, BASE = 2, 10_000.0


class SmallModel(nn.Module):
    """One transformer layer over embeddings, averaged over the response's tokens.

    Args:
        vocabulary: size of the tokenizer.
        width: d of embeddings and output, even.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layer = nn.TransformerEncoderLayer(width, HEADS, 2 * width, dropout=0.0, batch_first=True, norm_first=True)

    def forward(self, read: Read) -> Tensor:
        """[n, d]"""
        inner = self.embedding(read.ids)
        states = self.layer(inner + _positions(*inner.shape[1:]), src_key_padding_mask=~read.there)
        own = read.own[..., None]
        pooled: Tensor = torch.where(own, states, 0.0).sum(1) / own.sum(1).clamp(min=1)
        return pooled


def _positions(length: int, width: int) -> Tensor:
    """[T, d] sines and cosines."""
    rates = BASE ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class LayeredEnsemble(nn.Module):
    """s = mean over layers l of head_l([h^l ; g]): h^l standardised states of the frozen model, g of the small one.

    Args:
        layers: number of read layers L.
        states: d, width of the frozen model's states.
        vocabulary: of the tokenizer.
        small: width of the small model; 0 for none.
        hidden: width of the adapting layers; 0 for heads that are linear.

    Reference:
        Roh et al. (2024), LEVI: Generalizable Fine-tuning via Layer-wise Ensemble of Different Views, arXiv:2402.04644.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, layers: int, states: int, vocabulary: int, small: int, hidden: int) -> None:
        super().__init__()
        self.shape = {
            "layers": layers,
            "states": states,
            "vocabulary": vocabulary,
            "small": small,
            "hidden": hidden,
        }
        self.small = SmallModel(vocabulary, small) if small else None
        self.heads = nn.ModuleList(_head(states + small, hidden) for _layer in range(layers))
        self.register_buffer("mean", torch.zeros(layers, states))
        self.register_buffer("scale", torch.ones(layers, states))

    def standardise(self, states: Tensor) -> None:
        """Take means and deviations from the states of the training data, [n, L, d]."""
        self.mean.copy_(states.mean(0))
        self.scale.copy_(states.std(0, correction=0).clamp(min=1e-6))

    def forward(self, read: Read) -> Tensor:
        """[n, L] the score of each head."""
        states = (read.states - self.mean) / self.scale
        views = [] if self.small is None else [self.small(read)]
        scores = [head(torch.cat([states[:, place], *views], dim=1)) for place, head in enumerate(self.heads)]
        return torch.cat(scores, dim=1)

    @torch.no_grad()
    def scores(self, read: Read) -> Tensor:
        """[n] the mean over the heads."""
        return self(read).mean(1)


def _head(inputs: int, hidden: int) -> nn.Module:
    if not hidden:
        return nn.Linear(inputs, 1)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1))
