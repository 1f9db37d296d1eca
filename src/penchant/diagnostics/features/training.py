"""Training of the sparse autoencoder on embedding differences."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.diagnostics.features.autoencoder import SparseAutoencoder
from penchant.errors import ConfigurationError, DataError

__all__ = ["FeatureSettings", "fit_autoencoder"]


@dataclass(frozen=True)
class FeatureSettings:
    """Settings of the features of response differences; the defaults are the paper's, but for the learning rate.

    Args:
        features: M.
        active: K, features that fire for a pair on average.
        prefix: features of the first Matryoshka prefix, for the coarsest differences; 0 for none.
        embedder: ``tf-idf-svd``, ``tf-idf``, or the folder of a sentence-embedding model.
        epochs: at most.
        batch_size: pairs, each in both orders.
        learning_rate: of Adam. The paper's 5e-4 is for a hundred thousand pairs; a few thousand need a larger one.
        patience: epochs without progress on held-out pairs after which training ends.
        seed: of weights and order.

    Raises:
        ConfigurationError: a setting is out of range.

    Example:
        >>> FeatureSettings(features=16).prefixes
        (8, 16)
    """

    features: int = 32
    active: int = 4
    prefix: int = 8
    embedder: str = "tf-idf-svd"
    epochs: int = 50
    batch_size: int = 256
    learning_rate: float = 5e-3
    patience: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.active <= self.features:
            raise ConfigurationError(f"active is {self.active}; expected 1 to {self.features}, the number of features.")
        if self.epochs < 1 or self.batch_size < 2 or not self.learning_rate > 0:
            raise ConfigurationError(
                "Expected one epoch or more, two pairs a batch or more, and a learning rate above 0."
            )

    @property
    def prefixes(self) -> tuple[int, ...]:
        """The Matryoshka prefixes; the last is all features."""
        return (self.prefix, self.features) if 0 < self.prefix < self.features else (self.features,)


def fit_autoencoder(train: Tensor, held_out: Tensor, settings: FeatureSettings) -> SparseAutoencoder:
    """Train on embedding differences, each with both signs, and keep the best state on the held-out rows.

    Afterwards the threshold is set so that K features fire per training row on average: the running average of
    training lags behind on small data.

    Args:
        train: [N, D] differences e(A) − e(B).
        held_out: [T, D]; may be empty, then the last state counts.
        settings: of the features.

    Raises:
        DataError: all rows are zero: the embedder sees no difference between the responses.

    Example:
        >>> rows = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
        >>> model = fit_autoencoder(rows, rows[:0], FeatureSettings(features=4, active=1, prefix=0, epochs=2))
        >>> model(rows).activations.count_nonzero().item()
        64
    """
    if not bool(train.abs().sum() > 0):
        raise DataError(
            "The embeddings of both responses are equal in every pair.",
            fix="Use another embedder, or check that the responses hold words.",
        )
    # The global state of the random generator stays as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = SparseAutoencoder(train.shape[1], settings.features, settings.active, prefixes=settings.prefixes)
        both = torch.cat([train, -train])
        model.start(both)
        _train(model, both, held_out, settings)
    model.eval()
    with torch.no_grad():
        sizes = model(both).raw.abs().flatten().sort(descending=True).values
        fire = settings.active * len(both)
        model.threshold.copy_(sizes[fire] if fire < len(sizes) else torch.tensor(0.0))
    return model


def _train(model: SparseAutoencoder, rows: Tensor, held_out: Tensor, settings: FeatureSettings) -> None:
    """Adam with clipped gradients until the held-out error stops falling."""
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    best, state, waited = float("inf"), copy.deepcopy(model.state_dict()), 0
    for _ in range(settings.epochs):
        model.train()
        for batch in torch.randperm(len(rows)).split(settings.batch_size):
            # The error is relative to the spread of a batch; a single row has none.
            if len(batch) > 1 and bool(rows[batch].std(dim=0).sum() > 0):
                _step(model, rows[batch], optimizer)
        if not len(held_out):
            continue
        error = _held_out_error(model, held_out)
        if error < best - 1e-6:
            best, state, waited = error, copy.deepcopy(model.state_dict()), 0
        else:
            waited += 1
            if waited > settings.patience:
                break
    if len(held_out):
        model.load_state_dict(state)


def _step(model: SparseAutoencoder, rows: Tensor, optimizer: torch.optim.Optimizer) -> None:
    loss = model.loss(rows, model(rows))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    model.project_gradient()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    model.normalise()


@torch.no_grad()
def _held_out_error(model: SparseAutoencoder, rows: Tensor) -> float:
    """Reconstruction error of held-out rows with the K·T largest activations."""
    model.eval()
    raw = model(rows).raw
    sizes = raw.abs().flatten()
    least = sizes.topk(min(model.active * len(rows), len(sizes))).values[-1]
    kept = torch.where(raw.abs() >= least, raw, 0.0)
    return float((model.decoder(kept) + model.input_bias - rows).square().mean())
