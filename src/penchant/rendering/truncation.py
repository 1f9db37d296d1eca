"""Truncation policies for records longer than ``max_length``, and counts of what was cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from penchant.errors import ConfigurationError, DataError, nearest

__all__ = ["CutTable", "Fitted", "Mask", "Policy", "Truncation"]

#: For each token of a response, whether it is learned; None if all are.
Mask = tuple[bool, ...] | None
Policy = Literal["prompt_left", "response_right", "drop", "error"]


@dataclass(frozen=True)
class Fitted:
    """A record's tokens after truncation.

    Args:
        prompt: token ids of the prompt after truncation.
        responses: token ids of every response after truncation; empty if the record was dropped.
        prompt_cut: number of prompt tokens removed.
        responses_cut: number of tokens removed from the right of each response (including its end token).
        dropped: why the record was dropped, or None.
        learned: the mask of each response after truncation, None for a response that is learned whole.
    """

    prompt: list[int]
    responses: list[list[int]]
    prompt_cut: int = 0
    responses_cut: tuple[int, ...] = ()
    dropped: str | None = None
    learned: tuple[Mask, ...] = field(default=(), repr=False)

    @property
    def identical(self) -> bool:
        """Whether truncation made two responses identical, so that comparing them carries no signal."""
        if not any(self.responses_cut):
            return False
        return len({tuple(response) for response in self.responses}) < len(self.responses)


@dataclass(frozen=True)
class Truncation:
    """Truncation to ``len(prompt) + len(response) <= max_length`` for every response of a record.

    Args:
        max_length: maximum number of tokens of prompt and response together, at least 2; None for no limit.
        policy: ``prompt_left`` cuts the prompt on the left and keeps every response whole; ``response_right`` keeps the
            prompt and cuts the responses on the right (they lose their end token); ``drop`` drops a record that is too
            long; ``error`` raises an error for it.

    Raises:
        ConfigurationError: the policy is unknown, or the length is below 2.

    Example:
        >>> Truncation(5).fit([1, 10, 11, 12], [[20, 2], [21, 22, 2]], keep_first=1).prompt
        [1, 12]
    """

    max_length: int | None
    policy: Policy = "prompt_left"

    def __post_init__(self) -> None:
        if self.policy not in get_args(Policy):
            raise ConfigurationError(
                f"There is no truncation policy {self.policy!r}.", fix=nearest(str(self.policy), get_args(Policy))
            )
        if self.max_length is not None and self.max_length < 2:
            raise ConfigurationError(
                f"max_length is {self.max_length}; it must be at least 2.",
                why="A record needs at least one prompt token and one response token.",
            )

    def fit(
        self,
        prompt: list[int],
        responses: list[list[int]],
        *,
        keep_first: int = 0,
        learned: Sequence[Mask] | None = None,
    ) -> Fitted:
        """Truncate one record.

        All responses of a record keep the same prompt, so the longest response determines how much of it is cut.

        Args:
            prompt: token ids of the prompt.
            responses: token ids of each response, end token included.
            keep_first: number of tokens at the start of the prompt that are never cut (1 for a BOS token).
            learned: the mask of each response; a record of which a response keeps no learned token is dropped.

        Returns:
            The truncated record, with counts of removed tokens.

        Raises:
            DataError: the record is too long and the policy is ``error``.

        Example:
            >>> fitted = Truncation(4, "response_right").fit([1, 10], [[20, 21, 2], [22, 2]], keep_first=1)
            >>> fitted.responses, fitted.responses_cut
            ([[20, 21], [22, 2]], (1, 0))
        """
        masks = tuple(learned) if learned is not None else (None,) * len(responses)
        fitted = self._fit(prompt, responses, keep_first)
        if fitted.dropped is not None:
            return fitted
        kept = tuple(
            None if mask is None else mask[: len(ids)] for mask, ids in zip(masks, fitted.responses, strict=True)
        )
        if any(mask is not None and not any(mask) for mask in kept):
            return Fitted(prompt, [], 0, (), "no learned token within max_length")
        return replace(fitted, learned=kept)

    def _fit(self, prompt: list[int], responses: list[list[int]], keep_first: int) -> Fitted:
        longest = max((len(response) for response in responses), default=0)
        untouched = (0,) * len(responses)
        if self.max_length is None or len(prompt) + longest <= self.max_length:
            return Fitted(prompt, responses, 0, untouched)
        if self.policy == "prompt_left":
            return self._cut_prompt(prompt, responses, longest, keep_first)
        if self.policy == "response_right":
            return self._cut_responses(prompt, responses, keep_first)
        size = f"{len(prompt)} prompt + {longest} response tokens"
        if self.policy == "drop":
            return Fitted(prompt, [], 0, (), "longer than max_length")
        raise DataError(
            f"A record has {size}, more than max_length = {self.max_length}, and the truncation policy is 'error'.",
            fix=f"Raise max_length to {len(prompt) + longest}, or choose prompt_left, response_right or drop.",
        )

    def _cut_prompt(self, prompt: list[int], responses: list[list[int]], longest: int, keep_first: int) -> Fitted:
        assert self.max_length is not None
        room = self.max_length - longest
        if room < min(len(prompt), max(1, keep_first)):
            return Fitted(prompt, [], 0, (), "response longer than max_length")
        kept = _keep_ends(prompt, room, keep_first)
        return Fitted(kept, responses, len(prompt) - len(kept), (0,) * len(responses))

    def _cut_responses(self, prompt: list[int], responses: list[list[int]], keep_first: int) -> Fitted:
        assert self.max_length is not None
        kept = _keep_ends(prompt, self.max_length - 1, keep_first)
        room = self.max_length - len(kept)
        cut = tuple(max(0, len(response) - room) for response in responses)
        return Fitted(kept, [response[:room] for response in responses], len(prompt) - len(kept), cut)


def _keep_ends(ids: list[int], room: int, keep_first: int) -> list[int]:
    """``room`` of the ids: the first ``keep_first``, and the last ones."""
    if len(ids) <= room:
        return ids
    first = min(keep_first, room)
    return ids[:first] + ids[len(ids) - (room - first) :]


@dataclass
class CutTable:
    """Counts of the effects of truncation on a set of records.

    All fields count records, except ``end_token_lost``, which counts responses, and ``refused``, the errors of the
    records that were skipped: they cannot be rendered, or a field is bad.

    Example:
        >>> table = CutTable()
        >>> table.add(Truncation(4).fit([1, 5, 6], [[7, 2], [8, 2]], keep_first=1))
        >>> table.as_dict()["prompt_cut"]
        1
    """

    kept: int = 0
    prompt_cut: int = 0
    response_cut: int = 0
    end_token_lost: int = 0
    identical_after_cut: int = 0
    dropped_because: Counter[str] = field(default_factory=Counter)
    refused: list[DataError] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        """Number of records dropped for any reason."""
        return sum(self.dropped_because.values())

    def add(self, fitted: Fitted) -> None:
        """Count one record; a record whose responses became identical also counts as kept."""
        if fitted.dropped is not None:
            self.drop(fitted.dropped)
            return
        lost = sum(cut > 0 for cut in fitted.responses_cut)
        self.kept += 1
        self.prompt_cut += fitted.prompt_cut > 0
        self.response_cut += lost > 0
        self.end_token_lost += lost
        self.identical_after_cut += fitted.identical

    def __add__(self, other: CutTable) -> CutTable:
        return CutTable(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def drop(self, reason: str) -> None:
        """Count one record as dropped, with the caller's reason."""
        self.dropped_because[reason] += 1

    def refuse(self, error: DataError, reason: str = "cannot be rendered") -> None:
        """Count one record as dropped because of an error."""
        self.refused.append(error)
        self.drop(reason)

    def as_dict(self) -> dict[str, Any]:
        """The counts by name; ``dropped_because`` maps each reason to its count, ``dropped`` is their sum."""
        return {
            "kept": self.kept,
            "prompt_cut": self.prompt_cut,
            "response_cut": self.response_cut,
            "end_token_lost": self.end_token_lost,
            "identical_after_cut": self.identical_after_cut,
            "dropped": self.dropped,
            "dropped_because": dict(self.dropped_because),
        }
