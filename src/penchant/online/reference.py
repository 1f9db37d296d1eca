"""`UpdatedReference`: a frozen copy of the policy whose weights are updated between rounds, and other checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from torch import nn

from penchant.errors import ConfigurationError
from penchant.likelihood.masters import without_stored
from penchant.likelihood.references import Reference, ReferenceScores
from penchant.likelihood.references.none import refuse_whole
from penchant.online.reference_updates import ReferenceUpdate, Unchanged, blend

__all__ = ["UpdatedReference"]

#: The policy at the start of the round before, which judges and opponents read beside `CHECKPOINTS`.
BEFORE = "before"

#: Makes a further reference ``initial`` of the same policy.
Copy = Callable[[], Reference[Any, Any]]


class UpdatedReference(Reference[Any, Any]):
    """A reference that changes between rounds; its kind is the id of the update.

    Args:
        inner: the scorer's reference ``initial``, or ``none`` if the objective needs no reference.
        update: changes the reference; already started with the policy.
        copy: makes further copies of the policy at its initial weights, for those that are asked for. Of a policy with
            an adapter they are second adapters on the same model.
        checkpoints: names of `penchant.objectives.core.requirements.CHECKPOINTS`, or `BEFORE`, that objective, judge or
            opponent read. One that is the reference itself costs nothing; another is one frozen copy more.

    Raises:
        ConfigurationError: the update has no frozen copy to change.
    """

    # From the second round on, policy and reference may differ at the start.
    starts_equal = False

    def __init__(
        self,
        inner: Reference[Any, Any],
        update: ReferenceUpdate,
        copy: Copy | None = None,
        checkpoints: Collection[str] = (),
    ) -> None:
        self.inner, self.update, self.frozen = inner, update, inner.frozen
        self.kind = inner.kind if inner.kind == "none" else update.id
        if inner.kind != "none" and inner.frozen is None and not isinstance(update, Unchanged):
            raise _needs_copy(f"The reference {update.id!r}")
        if inner.frozen is not None and not isinstance(update, Unchanged):
            without_stored(inner.frozen)
        self.others: dict[str, Reference[Any, Any]] = {}
        asked = {*checkpoints, *(("previous",) if BEFORE in checkpoints else ())}
        for name in sorted(asked - {self.kind}):
            assert copy is not None
            self.others[name] = self._copied(copy, name)
        self.behind: Reference[Any, Any] | None = None
        if update.looks_back and inner.kind != "none":
            assert copy is not None
            self.behind = self._copied(copy, update.id)
            update.behind = self.behind.frozen

    @staticmethod
    def _copied(copy: Copy, name: str) -> Reference[Any, Any]:
        made = copy()
        if name != "initial":
            if made.frozen is None:
                raise _needs_copy(f"The checkpoint {name!r}")
            without_stored(made.frozen)
        return made

    def score(self, laid: Any, whole: bool = False, layers: Sequence[str] = ()) -> ReferenceScores:
        """See `Reference.score`."""
        found = self.inner.score(laid, whole, layers)
        if self.behind is None:
            return found
        if whole or layers:
            refuse_whole("The reference is extrapolated between two models")
        rate = self.update.settings["reference_rate"]
        lead = found.logps - self.behind.score(laid).logps
        return ReferenceScores(found.logps + rate * lead)

    def checkpoint(self, name: str) -> Reference[Any, Any]:
        """See `Reference.checkpoint`."""
        return self.others.get(name, self)

    def advance(self, policy: nn.Module) -> None:
        """Update the reference after a round."""
        behind = self.others.get(BEFORE)
        if behind is not None and behind.frozen is not None:
            last = self.checkpoint("previous").frozen
            assert last is not None
            blend(behind.frozen, last, 1.0)
        self.update.advance(policy, self.frozen)
        self.begin_round(policy)

    def begin_round(self, policy: nn.Module) -> None:
        """Let the checkpoint ``previous`` be the policy as it is now, between two rounds."""
        held = self.others.get("previous")
        if held is not None and held.frozen is not None:
            blend(held.frozen, policy, 1.0)

    def state_dict(self) -> dict[str, Any]:
        """The weights of the policy a round ago, where they are asked for; the other copies follow from the policy."""
        held = self.others.get(BEFORE)
        return {} if held is None or held.frozen is None else dict(held.frozen.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        held = self.others.get(BEFORE)
        if held is not None and held.frozen is not None and state:
            held.frozen.load_state_dict(state)

    def close(self) -> None:
        """Release the frozen copies."""
        for each in (self.inner, *self.others.values(), *([self.behind] if self.behind else [])):
            each.close()


def _needs_copy(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what} changes the weights of a frozen copy, but the reference is the policy with its adapter switched off.",
        where="reference",
        fix="Give a model without an adapter, or reference=initial.",
    )
