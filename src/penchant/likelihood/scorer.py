"""`Scorer`, the interface between training or evaluation and a model that scores responses of any modality."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from penchant.forest.collate import AnyBatch
from penchant.likelihood.references.reference import Reference
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["Laid", "Scorer"]

#: The type of a scorer's batches.
Laid = TypeVar("Laid", bound=AnyBatch)


class Scorer(Protocol[Laid]):
    """A model that computes likelihoods of responses.

    A trainer batches examples with `collate` and scores them with `score_batch`; it depends neither on the modality of
    responses nor on how their likelihood is computed.
    """

    @property
    def model(self) -> nn.Module:
        """The module that is trained."""

    @property
    def core(self) -> Any:
        """The transformers or diffusers model inside adapters and wrappers."""

    @property
    def aux_loss(self) -> Tensor | None:
        """Auxiliary loss of the last batch that was scored with gradient, a scalar; None if the model has none."""

    @property
    def aux_coefficient(self) -> float:
        """Factor of the auxiliary loss in the training loss."""

    @property
    def unit(self) -> str:
        """The unit of work: ``tokens`` or ``images``."""

    @property
    def collate(self) -> Callable[..., Laid]:
        """The function that turns examples into a batch."""

    @property
    def hidden_size(self) -> int:
        """Size of hidden states, for objectives that read them."""

    @property
    def depth(self) -> int:
        """Number of layers, for objectives that read the states of all of them."""

    @property
    def measured_at_once(self) -> int:
        """Units of work per forward pass without gradient."""

    def set_output_head_trained(self, trained: bool) -> None:
        """Freeze an output head that no loss reads."""

    def reference(self, kind: str, cache: Path | None = None, precision: str | None = None) -> Reference[Any, Any]:
        """A reference of the given kind, from the current model."""

    def score_batch(
        self, batch: Laid, reference: Reference[Any, Any], needs: Needs, module: nn.Module | None = None
    ) -> dict[str, Scored]:
        """Score every view of a batch under policy and reference."""

    def facts(self) -> dict[str, str]:
        """Facts about the likelihood for the run summary."""

    def close(self) -> None:
        """Restore the model."""
