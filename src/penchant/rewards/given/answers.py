"""`GivenAnswers`: the one answer that each record gives, by its prompt."""

from __future__ import annotations

from collections.abc import Iterable

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Demonstration, Record, Text, as_text
from penchant.rewards.said import said_of

__all__ = ["GivenAnswers", "answer_of"]


def answer_of(record: Record) -> str:
    """The answer that a record gives; empty if it gives none.

    Example:
        >>> answer_of(Demonstration(prompt="1+1=", completion="2")), answer_of(Record(prompt="1+1="))
        ('2', '')
    """
    if record.fields.get("answer") is not None:
        return str(record.fields["answer"])
    if isinstance(record, Demonstration):
        return as_text(record.completion)
    return as_text(record.chosen) if isinstance(record, Comparison) else ""


class GivenAnswers:
    """The answer of each record: its field ``answer``, else its own response (of a comparison, the chosen one).

    Example:
        >>> answers = GivenAnswers()
        >>> answers.read([Demonstration(prompt="1+1=", completion="2")])
        >>> answers.of("1+1="), answers.of("1+2=")
        ('2', None)
    """

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def read(self, records: Iterable[Record], judge: str = "") -> None:
        """Take the answers from records.

        Args:
            records: the records.
            judge: id of the judge that needs them, for the message.

        Raises:
            DataError: a record has no answer.
        """
        for record in records:
            found = answer_of(record)
            if not found.strip():
                raise DataError(
                    f"The judge {judge!r} holds responses against a given answer, and this record has none.",
                    where=str(record.source),
                    fix="Give demonstrations (prompt and completion), or a field answer (--map answer=COLUMN).",
                )
            self.known[said_of(record.prompt)] = found

    def of(self, prompt: Text) -> str | None:
        """The answer to a prompt; None if no record has it."""
        return self.known.get(said_of(prompt))
