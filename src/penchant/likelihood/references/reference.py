"""The reference that a policy is held to, whatever its responses are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

from torch import Tensor, nn

from penchant.likelihood.head import Rows

__all__ = ["Progress", "Reference", "ReferenceKind", "ReferenceScores"]

#: The kinds that a recipe names.
ReferenceKind = Literal["initial", "cached", "none"]

#: Called with what is done and what there is to do.
Progress = Callable[[int, int], None]

#: What a scorer lays responses out as: a `Forest`, `NoisedImages`.
Laid = TypeVar("Laid", contravariant=True)
#: One response: a `TokenSequence`, an `ImageResponse`.
Response = TypeVar("Response", contravariant=True)


class ReferenceScores(NamedTuple):
    """Responses scored by a reference.

    Attributes:
        logps: log-probabilities in nats without gradient, of a forest's K targets or of R images.
        rows: what the vocabulary KL needs, where it was asked for.
    """

    logps: Tensor
    rows: Rows | None = None


class Reference(ABC, Generic[Laid, Response]):
    """The model that a policy is held to."""

    #: ``initial``, ``cached``, ``none``, or how it is updated in an online run.
    kind: str = ""
    #: Whether policy and reference are the same model at the first step of a run.
    starts_equal: bool = False
    #: The frozen copy of the policy, where the reference has one: online training changes its weights.
    frozen: nn.Module | None = None
    #: Whether `prepare` has work to do.
    needs_preparation: bool = False

    def prepare(self, responses: Sequence[Response], progress: Progress | None = None) -> None:
        """Called once with all responses of the run, while the policy is still the initial model.

        Args:
            responses: all of the run.
            progress: called with responses done and responses in all.
        """
        return  # most references compute what they are asked for

    @abstractmethod
    def score(self, laid: Laid, whole: bool = False) -> ReferenceScores:
        """Log-probabilities of responses under the reference.

        Args:
            laid: the responses, as the scorer lays them out.
            whole: also give what the vocabulary KL needs.

        Raises:
            ConfigurationError: the reference cannot give what is asked for.
        """

    def facts(self) -> dict[str, int]:
        """Facts about the reference, for the summary."""
        return {}

    def close(self) -> None:
        """Release what the reference holds."""
        return  # most references hold nothing
