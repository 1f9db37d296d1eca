"""What training and measuring ask of a scorer, whatever its responses are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import nn

from penchant.forest.collate import AnyBatch
from penchant.likelihood.references.reference import Reference
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["Laid", "Scorer"]

#: The batch that a scorer lays examples out as.
Laid = TypeVar("Laid", bound=AnyBatch)


class Scorer(Protocol[Laid]):
    """A model that scores how likely responses are.

    A trainer lays examples out with `collate`, scores them with `score_batch`, and knows nothing else: not what a
    response is made of, nor how its likelihood is computed.
    """

    @property
    def model(self) -> nn.Module:
        """What is trained: the module whose parameters change."""

    @property
    def core(self) -> Any:
        """The model of transformers or diffusers inside adapters and wrappers."""

    @property
    def unit(self) -> str:
        """What work is counted in: ``tokens``, ``images``."""

    @property
    def collate(self) -> Callable[..., Laid]:
        """Lays examples out as one batch."""

    @property
    def hidden_size(self) -> int:
        """How many numbers a hidden state has, for objectives that read them."""

    @property
    def measured_at_once(self) -> int:
        """Units of a forward pass without gradient."""

    def reference(self, kind: str, cache: Path | None = None, precision: str | None = None) -> Reference[Any, Any]:
        """The reference of that kind, from the model as it is now."""

    def score_batch(
        self, batch: Laid, reference: Reference[Any, Any], needs: Needs, module: nn.Module | None = None
    ) -> dict[str, Scored]:
        """Every view of a batch under policy and reference."""

    def facts(self) -> dict[str, str]:
        """Facts about the likelihood, for the summary."""

    def close(self) -> None:
        """Give the model back as it was."""
