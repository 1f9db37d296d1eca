"""Trains LEVI's ensemble on pairs or on labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from penchant.errors import ConfigurationError
from penchant.rewards.layered.features import Read
from penchant.rewards.layered.kept import Kept
from penchant.rewards.layered.network import LayeredEnsemble

__all__ = ["LayeredSettings", "fit_labels", "fit_pairs"]


@dataclass(frozen=True)
class LayeredSettings:
    """How an ensemble is trained.

    Args:
        small: width of the small model, even; 0 for none.
        hidden: width of the adapting layers; 0 for linear heads.
        epochs: passes over the data.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        batch_size: pairs or labelled responses a step.
        seed: of the start and the order.
    """

    small: int = 32
    hidden: int = 64
    epochs: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    batch_size: int = 32
    seed: int = 0

    def check(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            ConfigurationError: a setting is out of range.
        """
        for name in ("epochs", "learning_rate", "batch_size"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}, expected more than 0.", where=name)
        for name in ("small", "hidden", "weight_decay"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}, expected at least 0.", where=name)
        if self.small % 2:
            raise ConfigurationError(f"small is {self.small}, expected an even width.", where="small")


def fit_pairs(
    chosen: Read,
    rejected: Read,
    vocabulary: int,
    settings: LayeredSettings,
    kept: Kept | None = None,
) -> LayeredEnsemble:
    """Train on pairs: each head by −log σ(s_chosen − s_rejected), summed over the heads, averaged over the pairs.

    Args:
        chosen: n responses.
        rejected: n responses.
        vocabulary: size of the tokenizer.
        settings: of the training.
        kept: where the training is kept as it goes, and from where it goes on.

    Raises:
        ConfigurationError: a setting is out of range.
    """

    def loss(ensemble: LayeredEnsemble, places: Tensor) -> Tensor:
        return -logsigmoid(ensemble(chosen[places]) - ensemble(rejected[places])).sum(1).mean()

    return _fit(torch.cat([chosen.states, rejected.states]), len(chosen), vocabulary, settings, loss, kept)


def fit_labels(
    read: Read,
    labels: Tensor,
    vocabulary: int,
    settings: LayeredSettings,
    kept: Kept | None = None,
) -> LayeredEnsemble:
    """Train on labels: each head by the cross-entropy of σ(s), summed over the heads, averaged over the responses.

    Args:
        read: n responses.
        labels: [n] in [0, 1].
        vocabulary: size of the tokenizer.
        settings: of the training.
        kept: see `fit_pairs`.

    Raises:
        ConfigurationError: a setting is out of range.
    """

    def loss(ensemble: LayeredEnsemble, places: Tensor) -> Tensor:
        scores = ensemble(read[places])
        wanted = labels[places].float()[:, None].expand_as(scores)
        return binary_cross_entropy_with_logits(scores, wanted, reduction="none").sum(1).mean()

    return _fit(read.states, len(read), vocabulary, settings, loss, kept)


def _fit(
    states: Tensor,
    count: int,
    vocabulary: int,
    settings: LayeredSettings,
    loss: Callable[[LayeredEnsemble, Tensor], Tensor],
    kept: Kept | None,
) -> LayeredEnsemble:
    settings.check()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        ensemble = LayeredEnsemble(states.shape[1], states.shape[2], vocabulary, settings.small, settings.hidden)
        ensemble.standardise(states)
        optimizer = torch.optim.AdamW(
            ensemble.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        found, done = kept.get() if kept else None, 0
        if found is not None:
            ensemble.load_state_dict(found["ensemble"])
            optimizer.load_state_dict(found["optimizer"])
            done = found["steps"]
        # Start and order are drawn anew, so a training that goes on has those of the one that was stopped.
        for step, places in enumerate(_order(count, settings), start=1):
            if step <= done:
                continue
            optimizer.zero_grad()
            loss(ensemble, places).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if kept and kept.due():
                parts = {"ensemble": ensemble.state_dict(), "optimizer": optimizer.state_dict()}
                kept.put({**parts, "steps": step})
    return ensemble.eval()


def _order(count: int, settings: LayeredSettings) -> Iterator[Tensor]:
    """The places of each step."""
    for _epoch in range(settings.epochs):
        yield from torch.randperm(count).split(settings.batch_size)
