"""Sparse autoencoder of embedding differences: signed BatchTopK, Matryoshka prefixes, and a loss for dead features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from penchant.errors import ConfigurationError

__all__ = ["Encoded", "SparseAutoencoder", "normalised_error"]


@dataclass(frozen=True)
class Encoded:
    """A batch as a sparse autoencoder sees it.

    Args:
        raw: [B, M] pre-activations.
        activations: [B, M], 0 where a feature does not fire; signed.
        reconstruction: [B, D].
    """

    raw: Tensor
    activations: Tensor
    reconstruction: Tensor


class SparseAutoencoder(nn.Module):
    """A sparse autoencoder whose features fire with either sign, as differences of two responses need.

    p = W_e (x − b_in) + b_n,   z = p where |p| is kept and 0 elsewhere,   x̂ = W_d z + b_in

    In training the K·B largest |p| of a batch of B rows are kept (BatchTopK); otherwise those above ``threshold``, a
    running average of the smallest kept |p|. The columns of W_d have length 1.

    Args:
        dimensions: D of the rows.
        features: M.
        active: K, the mean number of features that fire for a row in training.
        prefixes: the Matryoshka prefixes: the first m features alone reconstruct too, for every m of them; the last is
            M. None for M alone.
        dead_after: a feature that has not fired for more than so many training steps is dead.
        auxiliary: number of dead features that reconstruct the residual; default: 2K, at most M.
        several: number of features per row of a further, denser reconstruction; None for none.
        threshold_rate: rate of the running average.

    Raises:
        ConfigurationError: a size is out of range, or the prefixes do not rise to M.

    Example:
        >>> encoder = SparseAutoencoder(2, features=4, active=1)
        >>> encoder.train()(torch.randn(8, 2)).activations.count_nonzero().item()
        8

    Reference:
        Movva et al. (2025), What's In My Human Feedback? Learning Interpretable Descriptions of Preference Data,
        arXiv:2510.26202.
    """

    threshold: Tensor
    idle: Tensor

    def __init__(
        self,
        dimensions: int,
        features: int = 32,
        active: int = 4,
        *,
        prefixes: Sequence[int] | None = None,
        dead_after: int = 64,
        auxiliary: int | None = None,
        several: int | None = None,
        threshold_rate: float = 0.01,
    ) -> None:
        super().__init__()
        self.prefixes = tuple(prefixes or (features,))
        if not 1 <= active <= features:
            raise ConfigurationError(f"active is {active}; expected 1 to {features}, the number of features.")
        if self.prefixes[-1] != features or list(self.prefixes) != sorted(set(self.prefixes)):
            raise ConfigurationError(
                f"The prefixes are {list(self.prefixes)}; expected rising numbers that end with {features}, the number "
                "of features."
            )
        self.active, self.dead_after, self.threshold_rate = active, dead_after, threshold_rate
        self.auxiliary = min(2 * active if auxiliary is None else auxiliary, features)
        self.several = None if several is None else min(several, features)
        self.encoder = nn.Linear(dimensions, features, bias=False)
        self.decoder = nn.Linear(features, dimensions, bias=False)
        self.input_bias = nn.Parameter(torch.zeros(dimensions))
        self.feature_bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("threshold", torch.tensor(0.0))
        #: [M] training steps since each feature fired last.
        self.register_buffer("idle", torch.zeros(features, dtype=torch.long))
        self.normalise()

    def start(self, rows: Tensor) -> None:
        """Initialise from data: b_in the median of each dimension, W_d Xavier with columns of length 1, W_e = W_dᵀ."""
        with torch.no_grad():
            self.input_bias.copy_(rows.median(dim=0).values)
            nn.init.xavier_uniform_(self.decoder.weight)
            self.normalise()
            self.encoder.weight.copy_(self.decoder.weight.T)
            self.feature_bias.zero_()

    def forward(self, rows: Tensor) -> Encoded:
        """Encode [B, D] rows; in training the threshold and the counts of idle steps move on.

        Args:
            rows: [B, D].
        """
        raw = self.encoder(rows - self.input_bias) + self.feature_bias
        if not self.training:
            kept = torch.where(raw.abs() > self.threshold, raw, 0.0)
            return Encoded(raw, kept, self._decode(kept))
        kept = _largest(raw.flatten(), min(self.active * len(rows), raw.numel())).view_as(raw)
        self._count(kept.detach())
        return Encoded(raw, kept, self._decode(kept))

    def loss(self, rows: Tensor, encoded: Encoded, *, auxiliary: float = 1 / 32, several: float = 0.0) -> Tensor:
        """The loss of a batch: reconstruction by every prefix, by a denser code, and of the residual by dead features.

        mean over prefixes of E(x̂_prefix, x) + several · E(x̂_several, x) + auxiliary · E(x̂_dead, x − x̂)

        E is `normalised_error`. The residual is detached. Dead features are picked by their signed pre-activation, as
        published; a feature that is not dead can fill a place, with value 0.

        Args:
            rows: [B, D].
            encoded: what `forward` gives for them.
            auxiliary: weight of the residual term.
            several: weight of the denser reconstruction.

        Returns:
            A scalar.
        """
        found = torch.stack([self._prefix_error(rows, encoded, size) for size in self.prefixes]).mean()
        if several and self.several is not None:
            denser = torch.stack([_largest(row, self.several) for row in encoded.raw])
            found = found + several * normalised_error(self._decode(denser), rows)
        if not self.auxiliary:
            return found
        dead = encoded.raw * (self.idle > self.dead_after)
        values, places = dead.topk(self.auxiliary, dim=-1)
        picked = torch.zeros_like(dead).scatter(-1, places, values)
        return found + auxiliary * normalised_error(self.decoder(picked), rows - encoded.reconstruction.detach())

    def normalise(self) -> None:
        """Scale the columns of W_d to length 1."""
        with torch.no_grad():
            self.decoder.weight.div_(self.decoder.weight.norm(dim=0, keepdim=True) + 1e-8)

    def project_gradient(self) -> None:
        """Remove the part of W_d's gradient that would only change the lengths of its columns."""
        gradient = self.decoder.weight.grad
        if gradient is not None:
            with torch.no_grad():
                along = (self.decoder.weight * gradient).sum(dim=0, keepdim=True)
                gradient.sub_(along * self.decoder.weight)

    def _decode(self, activations: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(activations)
        return decoded + self.input_bias

    def _prefix_error(self, rows: Tensor, encoded: Encoded, size: int) -> Tensor:
        part = encoded.activations[:, :size] @ self.decoder.weight[:, :size].T + self.input_bias
        return normalised_error(part, rows)

    @torch.no_grad()
    def _count(self, kept: Tensor) -> None:
        """Move on the threshold and the idle steps."""
        sizes = kept.abs()
        self.idle.add_(1).masked_fill_(sizes.sum(dim=0) > 0, 0)
        if bool((sizes > 0).any()):
            self.threshold.lerp_(sizes[sizes > 0].min().to(self.threshold.dtype), self.threshold_rate)


def normalised_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared error over that of predicting the mean row of the batch: 1 is no better than the mean.

    Args:
        predicted: [B, D].
        target: [B, D], with rows that differ.

    Example:
        >>> rows = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
        >>> normalised_error(rows.mean(0, keepdim=True).expand_as(rows), rows).item()
        1.0
    """
    mean = target.mean(dim=0, keepdim=True).expand_as(target)
    return mse_loss(predicted, target) / mse_loss(mean, target)


def _largest(values: Tensor, count: int) -> Tensor:
    """The values of a vector with all but the ``count`` largest in size set to 0."""
    places = values.abs().topk(count).indices
    return torch.zeros_like(values).scatter(0, places, values[places])
