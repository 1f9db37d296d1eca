"""`JudgeOfJudges` and `CombiningJudge`: the bases of judges that are made of others."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penchant.feedback.records import Record, Text
from penchant.rewards.judge import Judge

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["CombiningJudge", "JudgeOfJudges"]


class JudgeOfJudges(Judge):
    """The base of judges made of others.

    Attributes:
        members: the judges.
    """

    members: Sequence[Judge]

    def read(self, records: Iterable[Record]) -> None:
        """See `Judge.read`; each member reads."""
        several = list(records)
        for member in self.members:
            member.read(several)

    def to(self, device: Any) -> None:
        """Move the members' models to a device."""
        for member in self.members:
            member.to(device)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """See `Judge.checkpoints`: those of all members."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.checkpoints))

    def follow(self, scorer: Any, reference: Any, renderer: Any) -> None:
        """See `Judge.follow`; each member gets to know the policy."""
        for member in self.members:
            member.follow(scorer, reference, renderer)

    def remember(self, prompt: Text, responses: Sequence[str]) -> None:
        """See `Judge.remember`; each member takes note."""
        for member in self.members:
            member.remember(prompt, responses)

    def facts(self, prompt: Text) -> dict[str, float]:
        """See `Judge.facts`: those of all members."""
        return {name: value for member in self.members for name, value in member.facts(prompt).items()}

    def state_dict(self) -> dict[str, Any]:
        """See `Judge.state_dict`: that of each member by its place."""
        kept = {str(place): member.state_dict() for place, member in enumerate(self.members)}
        return {place: state for place, state in kept.items() if state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Judge.load_state_dict`; each member goes on from its own."""
        for place, member in enumerate(self.members):
            member.load_state_dict(state.get(str(place), {}))


class CombiningJudge(JudgeOfJudges):
    """The base of judges that make one score of the scores of their members; a subclass implements ``together``."""

    def together(self, given: Sequence[Sequence[float]]) -> list[float]:
        """One score of each response to a prompt.

        Args:
            given: for each member, one number per response; NaN where it has none.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement together.")

    @property
    def measuring(self) -> Judge:
        """See `Judge.measuring`: the same of the members' own."""
        found = [member.measuring for member in self.members]
        if all(one is two for one, two in zip(found, self.members, strict=True)):
            return self
        other = copy.copy(self)
        other.members = found
        return other

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`."""
        return self.together([member.score(prompt, responses) for member in self.members])

    def score_earlier(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score_earlier`."""
        return self.together([member.score_earlier(prompt, responses) for member in self.members])

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`: each member may read the record and the tokens."""
        return self.together([member.sampled(record, responses)[0] for member in self.members]), {}
