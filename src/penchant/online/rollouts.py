"""`Rollout`: one prompt with its sampled and judged responses, stored for resuming on the same tokens."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from penchant.feedback.records import Source, Text
from penchant.forest.layout import TokenSequence
from penchant.generation.responses import Response

__all__ = ["Rollout"]


@dataclass(frozen=True)
class Rollout:
    """One prompt with its sampled responses and their scores.

    Args:
        source: the prompt's record.
        prompt: the prompt.
        prompt_ids: its tokens as given to the model.
        responses: K responses.
        scores: K scores of the judge; NaN for a response without a score.
        demonstration: tokens of the record's own response, if it has one.
        demonstration_learned: which of them are learned; None if all are.
        drawn_by: who wrote each response: ``policy``, or the id of the opponent; empty if all are the policy's.
        earlier_scores: K scores of the judge as it was a round ago; empty if not needed.
        probabilities: [K][K] the judge's probability that one response beats another; empty if not needed.
        old_logps: for each response its learned tokens' log-probabilities under the policy that sampled it, nats;
            empty if not needed.

    Example:
        >>> rollout = Rollout(Source(), "1+1=", (5, 6), (Response("2", (7,), True),), (1.0,))
        >>> Rollout.from_json(rollout.to_json()) == rollout
        True
    """

    source: Source
    prompt: Text
    prompt_ids: tuple[int, ...]
    responses: tuple[Response, ...]
    scores: tuple[float, ...]
    demonstration: tuple[int, ...] = ()
    probabilities: tuple[tuple[float, ...], ...] = ()
    old_logps: tuple[tuple[float, ...], ...] = ()
    demonstration_learned: tuple[bool, ...] | None = None
    drawn_by: tuple[str, ...] = ()
    earlier_scores: tuple[float, ...] = ()

    @property
    def scored(self) -> list[int]:
        """The indices of the responses that have a score."""
        return [place for place, score in enumerate(self.scores) if not math.isnan(score)]

    @property
    def writers(self) -> tuple[str, ...]:
        """Who wrote each response."""
        return self.drawn_by or ("policy",) * len(self.responses)

    def sequence(self, place: int) -> TokenSequence:
        """The tokens of the prompt and of one response."""
        return TokenSequence(self.prompt_ids, self.responses[place].ids, self.responses[place].learned)

    @property
    def shown(self) -> TokenSequence:
        """The tokens of the prompt and of the demonstration."""
        return TokenSequence(self.prompt_ids, self.demonstration, self.demonstration_learned)

    def to_json(self) -> dict[str, Any]:
        """The rollout as plain lists and numbers; a missing score is null."""
        plain = asdict(self)
        for name in ("scores", "earlier_scores"):
            plain[name] = [None if math.isnan(score) else score for score in plain[name]]
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Rollout:
        """The exact inverse of `to_json`."""
        return cls(
            source=Source(**plain["source"]),
            prompt=plain["prompt"],
            prompt_ids=tuple(plain["prompt_ids"]),
            responses=tuple(
                Response(each["text"], tuple(each["ids"]), each["finished"], _mask(each.get("learned")))
                for each in plain["responses"]
            ),
            scores=tuple(math.nan if score is None else score for score in plain["scores"]),
            demonstration=tuple(plain["demonstration"]),
            probabilities=tuple(map(tuple, plain["probabilities"])),
            drawn_by=tuple(plain.get("drawn_by", ())),
            earlier_scores=tuple(math.nan if score is None else score for score in plain.get("earlier_scores", ())),
            old_logps=tuple(map(tuple, plain["old_logps"])),
            demonstration_learned=_mask(plain.get("demonstration_learned")),
        )


def _mask(values: list[bool] | None) -> tuple[bool, ...] | None:
    return None if values is None else tuple(values)
