"""The record types: comparison, joint comparison, judgement, ranking, demonstration and prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

__all__ = [
    "KINDS",
    "TIE",
    "Comparison",
    "Conversation",
    "Demonstration",
    "JointComparison",
    "Judgement",
    "Message",
    "Prompt",
    "Ranking",
    "Record",
    "Source",
    "Text",
    "as_text",
    "counts",
]

#: The ``probability`` of a comparison whose responses are equally good.
TIE = 0.5

Message: TypeAlias = dict[str, Any]
Text: TypeAlias = str | list[Message]


class Conversation(list[Message]):
    """Messages together with what else the chat template reads: tools, and further arguments of the template.

    A list of messages in every other respect; records make it of their prompt, so that both reach the template wherever
    the prompt is rendered. Equal to a plain list with the same messages, and to another conversation only if tools and
    arguments are the same too.

    Args:
        messages: the turns.
        tools: JSON schemas of the tools, or None.
        arguments: further variables of the chat template.

    Example:
        >>> asked = Conversation([{"role": "user", "content": "Hi"}], arguments={"enable_thinking": False})
        >>> asked.followed_by([{"role": "assistant", "content": "Hello!"}]).arguments
        {'enable_thinking': False}
    """

    def __init__(
        self,
        messages: Iterable[Message] = (),
        tools: tuple[Any, ...] | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(messages)
        self.tools, self.arguments = tools, dict(arguments or {})

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        same = list.__eq__(self, other)  # type: ignore[arg-type]
        if same is not True or not isinstance(other, Conversation):
            return same
        return (self.tools, self.arguments) == (other.tools, other.arguments)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"Conversation({list.__repr__(self)}, {self.tools!r}, {self.arguments!r})"

    def followed_by(self, turns: Iterable[Message]) -> Conversation:
        """The conversation with further turns, and the same tools and arguments."""
        return Conversation([*self, *turns], self.tools, self.arguments)


def counts(turn: Message) -> bool:
    """Whether a turn is learned where every turn of the assistant is: OpenAI's ``weight`` 0 says that it is not.

    Example:
        >>> counts({"role": "assistant", "content": "Hi", "weight": 0}), counts({"role": "assistant", "content": "Hi"})
        (False, True)
    """
    return turn.get("weight") not in (0, "0")


def as_text(value: Text) -> str:
    """The content of a text or conversation without roles, for counting and comparing; not rendered for a model.

    Example:
        >>> as_text([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}])
        'Hi\\nHello!'
    """
    if not isinstance(value, list):
        return str(value)  # a text, or an image as its key
    contents = [turn.get("content") or "" for turn in value]
    return "\n".join(content if isinstance(content, str) else str(content) for content in contents)


@dataclass(frozen=True)
class Source:
    """Where a record comes from: a file (or data set) and a line (or row).

    Args:
        file: name of the file, data set or collection.
        line: line or row number, from 1.

    Example:
        >>> str(Source("pairs.jsonl", 7))
        'pairs.jsonl:7'
    """

    file: str = "memory"
    line: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One item of feedback: a prompt, its source, and the further fields of its row.

    Args:
        prompt: a text, or chat messages ``{"role", "content"}``.
        source: file and line.
        fields: further fields of the row (``margin``, ``weight``, ``probability``, ``annotator``, ``answer``, ...).
        tools: tools that the chat template shows to the model (JSON schemas), or None.
        template_arguments: further variables of the chat template for this record (``enable_thinking``).

    Example:
        >>> Prompt(prompt="2 + 2 =", fields={"answer": "4"}).responses
        ()
    """

    kind: ClassVar[str] = "record"

    prompt: Text
    source: Source = Source()
    fields: dict[str, Any] = field(default_factory=dict)
    tools: tuple[Any, ...] | None = None
    template_arguments: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", self._with_context(self.prompt))

    def _with_context(self, prompt: Text) -> Text:
        """Messages with the record's tools and template arguments, if it has any."""
        if not isinstance(prompt, list) or not (self.tools or self.template_arguments):
            return prompt
        return Conversation(prompt, self.tools, self.template_arguments)

    @property
    def responses(self) -> tuple[Text, ...]:
        """The record's responses, in the order of its fields; for a comparison, chosen first."""
        return ()

    @property
    def answered(self) -> tuple[Text, ...]:
        """For each response, the prompt that it answers."""
        return (self.prompt,) * len(self.responses)


@dataclass(frozen=True, kw_only=True)
class Comparison(Record):
    """Two responses to one prompt, one of them preferred, or a tie.

    Args:
        chosen: the preferred response; of a tie the first one.
        rejected: the other one.

    Example:
        >>> Comparison(prompt="Hi", chosen="Hello!", rejected="What?").responses
        ('Hello!', 'What?')
    """

    kind: ClassVar[str] = "comparison"

    chosen: Text
    rejected: Text

    @property
    def responses(self) -> tuple[Text, ...]:
        """Chosen, then rejected."""
        return (self.chosen, self.rejected)

    @property
    def tie(self) -> bool:
        """Whether neither response is preferred: the field ``probability`` is one half."""
        return bool(self.fields.get("probability") == TIE)


@dataclass(frozen=True, kw_only=True)
class JointComparison(Comparison):
    """Two (prompt, response) pairs, one of them preferred; ``prompt`` is the prompt of the chosen response.

    Args:
        rejected_prompt: the prompt of the rejected response.

    Example:
        >>> JointComparison(prompt="Hi", chosen="Hello!", rejected_prompt="Bye", rejected="What?").answered
        ('Hi', 'Bye')
    """

    kind: ClassVar[str] = "joint comparison"

    rejected_prompt: Text

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rejected_prompt", self._with_context(self.rejected_prompt))

    @property
    def answered(self) -> tuple[Text, ...]:
        """The prompts of the chosen and of the rejected response."""
        return (self.prompt, self.rejected_prompt)


@dataclass(frozen=True, kw_only=True)
class Judgement(Record):
    """One response with a binary label.

    Args:
        completion: the response.
        label: true for a desirable response, false for an undesirable one.

    Example:
        >>> Judgement(prompt="Hi", completion="Hello!", label=True).label
        True
    """

    kind: ClassVar[str] = "judgement"

    completion: Text
    label: bool

    @property
    def responses(self) -> tuple[Text, ...]:
        """The one completion."""
        return (self.completion,)


@dataclass(frozen=True, kw_only=True)
class Ranking(Record):
    """Several responses to one prompt, each with a score or a rank.

    Args:
        completions: the responses.
        scores: one number per completion, higher is better; or None.
        ranks: one integer per completion, 1 is best, ties and gaps allowed; or None.

    Example:
        >>> Ranking(prompt="Hi", completions=("Hello!", "What?"), scores=(0.9, 0.1)).scores
        (0.9, 0.1)
    """

    kind: ClassVar[str] = "ranking"

    completions: tuple[Text, ...]
    scores: tuple[float, ...] | None = None
    ranks: tuple[int, ...] | None = None

    @property
    def responses(self) -> tuple[Text, ...]:
        """All completions, in the order of the row."""
        return self.completions


@dataclass(frozen=True, kw_only=True)
class Demonstration(Record):
    """A response to imitate.

    Args:
        completion: the response.

    Example:
        >>> Demonstration(prompt="Hi", completion="Hello!").kind
        'demonstration'
    """

    kind: ClassVar[str] = "demonstration"

    completion: Text

    @property
    def responses(self) -> tuple[Text, ...]:
        """The one completion."""
        return (self.completion,)


@dataclass(frozen=True, kw_only=True)
class Prompt(Record):
    """A prompt without a response, for generation; its fields may hold what a verifier needs (``answer``).

    Example:
        >>> Prompt(prompt="2 + 2 =").kind
        'prompt'
    """

    kind: ClassVar[str] = "prompt"


KINDS: dict[str, type[Record]] = {
    record.kind: record for record in (Comparison, JointComparison, Judgement, Ranking, Demonstration, Prompt)
}
