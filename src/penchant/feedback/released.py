"""`released`, feedback whose records are given up once they are encoded."""

from __future__ import annotations

from penchant.feedback.collection import Feedback
from penchant.feedback.sources import Sources

__all__ = ["released"]


class _Released(Feedback):
    """A set of records that knows its length and its fingerprint, and no longer holds a record."""

    def __init__(self, feedback: Feedback) -> None:
        super().__init__([], kind=feedback.kind, name=feedback.name, bad=feedback.bad, origin=feedback.origin)
        self.layout, self._length = feedback.layout, len(feedback)
        self.fingerprint = feedback.fingerprint

    def __len__(self) -> int:
        return self._length


def released(feedback: Feedback) -> Feedback:
    """Feedback without its records, for a run that needs only their number, name and fingerprint from here on.

    Args:
        feedback: one set, named sources or a mixture; not changed.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> prompts = Feedback([Prompt(prompt="Hi"), Prompt(prompt="Bye")], kind="prompt")
        >>> bare = released(prompts)
        >>> len(bare), bare.records, bare.fingerprint == prompts.fingerprint
        (2, [], True)
    """
    if isinstance(feedback, Sources):
        return Sources({name: released(part) for name, part in feedback.parts.items()}, feedback.weights)
    return _Released(feedback)
