"""What the policy is asked when it samples: the prompt that is trained, or to revise a reply that drew a complaint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Demonstration, Record, Text, as_text
from penchant.named import Named
from penchant.registry import Registry

__all__ = ["ASKING", "Asking", "Prompt", "Revision"]

#: All ways of asking by name.
ASKING: Registry[type[Asking]] = Registry("question")


class Asking(Named, ABC):
    """Says what the policy reads when it samples; what is trained is always the record's own prompt.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "question"
    registry = ASKING
    #: Whether it shows the policy more than the prompt.
    shows_more: ClassVar[bool] = False

    @abstractmethod
    def question(self, record: Record) -> Text:
        """What the policy reads.

        Args:
            record: a prompt.

        Raises:
            DataError: the record lacks what is asked about.
        """


class Prompt(Asking):
    """The prompt itself."""

    id = "prompt"

    def question(self, record: Record) -> Text:
        """The prompt."""
        return record.prompt


class Revision(Asking):
    """The prompt, the record's own reply, what its reader said of it, and a request for a better one.

    The record is a demonstration (or a comparison, whose rejected reply is meant) with a field ``complaint``. The
    complaint is not trained on: a prompt that already holds it is refused.

    Reference:
        Wang et al. (2025), DRIFT: Learning from Abundant User Dissatisfaction in Real-World Preference Learning.
    """

    id = "revision"
    shows_more = True

    instruction: Annotated[str, "what the policy is asked for after the complaint"] = (
        "Write an improved reply that addresses this complaint."
    )

    def question(self, record: Record) -> Text:
        """The prompt continued by reply, complaint and instruction.

        Raises:
            DataError: the record has no reply or no complaint, or its prompt holds the complaint.
        """
        complaint = record.fields.get("complaint")
        if (
            not isinstance(record, Demonstration | Comparison)
            or not isinstance(complaint, str)
            or not complaint.strip()
        ):
            raise DataError(
                "A revision needs a reply and what was said of it, but this record does not have both.",
                where=str(record.source),
                fix="Give demonstrations (prompt and completion) with a field complaint.",
            )
        if complaint.strip() in as_text(record.prompt):
            raise DataError(
                f"The prompt holds the complaint {complaint.strip()[:60]!r}.",
                where=str(record.source),
                why="The prompt is trained on, and the policy must not learn to expect the complaint.",
                fix="End the prompt before the reply that drew the complaint.",
            )
        reply = record.rejected if isinstance(record, Comparison) else record.completion
        request = f"{complaint.strip()}\n{self.instruction}"
        if isinstance(record.prompt, str):
            return f"{record.prompt}{as_text(reply)}\n{request}\n"
        said = [{"role": "assistant", "content": as_text(reply)}, {"role": "user", "content": request}]
        return [*record.prompt, *said]
