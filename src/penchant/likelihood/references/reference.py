"""`Reference`, the interface of reference models for any modality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from torch import Tensor, nn

from penchant.likelihood.head import Rows
from penchant.likelihood.reference_kinds import ReferenceKind

__all__ = ["Progress", "Reference", "ReferenceKind", "ReferenceScores"]

#: Called with the number of responses done and the total.
Progress = Callable[[int, int], None]

#: The scorer's layout of responses: a `Forest`, `NoisedImages`.
Laid = TypeVar("Laid", contravariant=True)
#: One response: a `TokenSequence`, an `ImageResponse`.
Response = TypeVar("Response", contravariant=True)


class ReferenceScores(NamedTuple):
    """Scores of responses under a reference.

    Attributes:
        logps: log-probabilities in nats without gradient, of a forest's K targets or of R images; empty where the
            rows are given, since they come with the divergences that are computed from the same distributions.
        rows: the rows for divergences over the vocabulary, if requested.
        activations: the activations of the requested layers at the tokens, [K, D] each, by name.
    """

    logps: Tensor
    rows: Rows | None = None
    activations: Mapping[str, Tensor] = {}


class Reference(ABC, Generic[Laid, Response]):
    """The reference model, from which the policy should not deviate too far."""

    #: ``initial``, ``cached``, ``none``, or the kind of update in an online run.
    kind: str = ""
    #: Whether policy and reference are the same model at the first step of a run.
    starts_equal: bool = False
    #: The frozen copy of the policy, if the reference has one; online training updates its weights.
    frozen: nn.Module | None = None
    #: Fingerprint of the reference's model, if that is another one than the policy at the start.
    printed: str = ""
    #: Whether `prepare` has work to do.
    needs_preparation: bool = False

    def prepare(self, responses: Sequence[Response], progress: Progress | None = None) -> None:
        """Precompute scores; called once, while the policy is still the initial model.

        Args:
            responses: all responses of the run.
            progress: called with the number of responses done and the total.
        """
        return  # most references compute scores on request

    @abstractmethod
    def score(self, laid: Laid, whole: bool = False, layers: Sequence[str] = ()) -> ReferenceScores:
        """Log-probabilities of responses under the reference.

        Args:
            laid: the responses in the scorer's layout.
            whole: return the rows for divergences over the vocabulary instead of log-probabilities.
            layers: also return the activations of these layers.

        Raises:
            ConfigurationError: the reference does not support the request.
        """

    def checkpoint(self, name: str) -> Reference[Laid, Response]:
        """The reference that scores under another checkpoint of the run.

        In a run on fixed data the policy at the start of the round is the model that the run starts from, so every
        checkpoint is this reference.

        Args:
            name: a name of `penchant.objectives.core.requirements.CHECKPOINTS`.
        """
        return self

    def facts(self) -> dict[str, int]:
        """Facts about the reference for the run summary."""
        return {}

    def close(self) -> None:
        """Release the resources of the reference."""
        return  # most references have none
