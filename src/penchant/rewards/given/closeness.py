"""`Closeness`: how close a response is to the one answer that its record gives."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from penchant.feedback.records import Record, Text
from penchant.rewards.given.answers import GivenAnswers, answer_of
from penchant.rewards.judge import Judge

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["Closeness", "edits", "shared_words"]


class Closeness(Judge):
    """Scores a response with its closeness to the record's answer, in [0, 1]; a copy of the answer has 1.

    characters: 1 − (least number of insertions, deletions and changes of a character) / (length of the longer text)
    words: 2 shared / (words of the one + words of the other), the F1 of their words, ignoring case

    The answer is the record's field ``answer``, else its own response. White space around texts does not count.

    Example:
        >>> from penchant.feedback.records import Demonstration
        >>> judge = Closeness()
        >>> judge.read([Demonstration(prompt="7+8=", completion="15")])
        >>> judge.score("7+8=", ["15", "16", "7"])
        [1.0, 0.5, 0.0]
    """

    id = "closeness"
    formula = "1 − edits / length of the longer text, or the F1 of the words"
    span = "0 to 1, higher is better; a copy has 1"
    advice = "A right answer in other words scores low: use it where the wording matters."

    measure: Annotated[Literal["characters", "words"], "what is compared: characters in order, or words"] = "characters"

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.answers = GivenAnswers()

    def read(self, records: Iterable[Record]) -> None:
        """Take the answers from the records.

        Raises:
            DataError: a record has none.
        """
        self.answers.read(records, self.id)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The closeness of each response; NaN if no record gives an answer to the prompt."""
        return self._against(self.answers.of(prompt), responses)

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`; where two records share a prompt, each is held against its own answer."""
        return self._against(answer_of(record) or None, [each.text for each in responses]), {}

    def _against(self, answer: str | None, responses: Sequence[str]) -> list[float]:
        if answer is None:
            return [math.nan] * len(responses)
        return [self._closeness(each.strip(), answer.strip()) for each in responses]

    def _closeness(self, response: str, answer: str) -> float:
        if self.measure == "words":
            return shared_words(response, answer)
        longer = max(len(response), len(answer))
        return 1 - edits(response, answer) / longer if longer else 1.0


def edits(first: str, second: str) -> int:
    """The least number of inserted, deleted and changed characters that turn one text into the other.

    Example:
        >>> edits("kitten", "sitting")
        3
    """
    row = list(range(len(second) + 1))
    for place, one in enumerate(first, 1):
        above = row
        row = [place]
        for column, other in enumerate(second, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (one != other)))
    return row[-1]


def shared_words(first: str, second: str) -> float:
    """The F1 of the words of two texts, in [0, 1].

    Example:
        >>> shared_words("the cat sat", "The cat"), shared_words("", "a")
        (0.8, 0.0)
    """
    one, other = (Counter(each.lower().split()) for each in (first, second))
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0
