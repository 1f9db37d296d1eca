"""`UpdatedReference`: a frozen copy of the policy whose weights are updated between rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from penchant.errors import ConfigurationError
from penchant.likelihood.masters import without_stored
from penchant.likelihood.references import Reference, ReferenceScores
from penchant.online.reference_updates import ReferenceUpdate, Unchanged

__all__ = ["UpdatedReference"]


class UpdatedReference(Reference[Any, Any]):
    """A reference that changes between rounds; its kind is the id of the update.

    Args:
        inner: the scorer's reference ``initial``, or ``none`` if the objective needs no reference.
        update: changes the reference; already started with the policy.

    Raises:
        ConfigurationError: the update has no frozen copy to change.
    """

    # From the second round on, policy and reference may differ at the start.
    starts_equal = False

    def __init__(self, inner: Reference[Any, Any], update: ReferenceUpdate) -> None:
        self.inner, self.update, self.frozen = inner, update, inner.frozen
        self.kind = inner.kind if inner.kind == "none" else update.id
        if inner.kind != "none" and inner.frozen is None and not isinstance(update, Unchanged):
            raise ConfigurationError(
                f"The reference {update.id!r} changes the weights of a frozen copy, but the reference is the policy "
                "with its adapter switched off.",
                where="reference",
                fix="Give a model without an adapter, or reference=initial.",
            )
        if inner.frozen is not None and not isinstance(update, Unchanged):
            without_stored(inner.frozen)

    def score(self, laid: Any, whole: bool = False, layers: Sequence[str] = ()) -> ReferenceScores:
        """See `Reference.score`."""
        return self.inner.score(laid, whole, layers)

    def advance(self, policy: nn.Module) -> None:
        """Update the reference after a round."""
        self.update.advance(policy, self.frozen)

    def close(self) -> None:
        """Release the frozen copy."""
        self.inner.close()
