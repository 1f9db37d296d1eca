"""`NextItem`, a judge of generated items: the item that the user took, and the place of wrong items in the list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from penchant.errors import DataError
from penchant.feedback.records import Demonstration, Record, Text, as_text
from penchant.objectives.functional.ranking_rewards import hit_rewards, ranking_rewards
from penchant.rewards.judge import Judge

__all__ = ["NextItem"]


class NextItem(Judge):
    """Scores a list of items, best first: 1 for the item that the user took next, and less than 0 for those above it.

    A wrong item has −w/Σw with w = 1/log₂(place + 1), if the list holds the target, else 0. Users with the same history
    may have taken different items; each of them counts as a hit for this prompt.

    Example:
        >>> judge = NextItem()
        >>> judge.read([Demonstration(prompt="tea", completion="milk")])
        >>> [round(each, 2) for each in judge.score("tea", ["salt", "milk"])]
        [-0.61, 1.0]

    Reference:
        Tan et al. (2025), Reinforced Preference Optimization for Recommendation, arXiv:2510.12211.
    """

    id = "next_item"
    formula = "1 for the target; −w / Σw, w = 1/log₂(place + 1), for wrong items above it"
    span = "−1 to 1, higher is better"
    advice = "It judges lists of items, not texts."

    hits: Annotated[bool, "reward the item that the user took with 1"] = True
    places: Annotated[bool, "punish wrong items of a list that holds it, earlier ones more"] = True

    def read(self, records: Iterable[Record]) -> None:
        """Read the item that follows each prompt.

        Raises:
            DataError: a record is no demonstration.
        """
        self.targets: dict[str, set[str]] = {}
        for record in records:
            if not isinstance(record, Demonstration):
                raise DataError(
                    f"The judge next_item needs the item that the user took, but this record is a {record.kind}.",
                    where=str(record.source),
                    fix="Give prompt and completion.",
                )
            self.targets.setdefault(_key(record.prompt), set()).add(as_text(record.completion))

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The reward of each item; ``responses`` are a list, best first.

        Raises:
            DataError: no item is known for the prompt.
        """
        targets = self.targets.get(_key(prompt))
        if targets is None:
            raise DataError(f"No item is known to follow the prompt {str(prompt)[-80:]!r}.", where="next_item")
        # One name for all that count as hits, since a list has at most one of a single user's targets.
        named = ["" if each in targets else each for each in responses]
        zeros = [0.0] * len(named)
        hits = hit_rewards(named, "") if self.hits else zeros
        places = ranking_rewards(named, "") if self.places else zeros
        return [hit + place for hit, place in zip(hits, places, strict=True)]


def _key(prompt: Text) -> str:
    return prompt if isinstance(prompt, str) else repr(prompt)
