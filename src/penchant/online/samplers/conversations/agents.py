"""What each of two agents reads: its own prompt, and what has been said so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penchant.errors import DataError
from penchant.feedback.records import Record, Text

__all__ = ["OWN_PROMPT", "Turn", "in_format", "prompt_of", "reads", "transcript"]

#: The name under which a record's own prompt is asked for.
OWN_PROMPT = "prompt"


@dataclass(frozen=True)
class Turn:
    """What an agent said.

    Args:
        ids: its tokens, the end token included.
        text: its text.
        context: the tokens that it is trained after.
        read: the tokens that the agent read before it, where these are others: a form was asked for.
        form: that form; empty where none was asked for.
    """

    ids: tuple[int, ...]
    text: str
    context: tuple[int, ...]
    read: tuple[int, ...] | None = None
    form: str = ""

    @property
    def seen(self) -> tuple[int, ...]:
        """What the agent read before it."""
        return self.context if self.read is None else self.read


def prompt_of(record: Record, field: str) -> Text:
    """The prompt of an agent: the record's own, or a field of it.

    Args:
        record: the task.
        field: ``prompt``, or the name of a further field.

    Raises:
        DataError: there is no such field, or it holds no text; or it is a text where the record's prompt is messages.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> prompt_of(Prompt(prompt="you hold 3", fields={"partner_prompt": "you hold 4"}), "partner_prompt")
        'you hold 4'
    """
    found = record.prompt if field == OWN_PROMPT else record.fields.get(field)
    if not (isinstance(found, str) and found.strip()) and not (isinstance(found, list) and found):
        raise DataError(
            f"The record has no prompt {field!r} for one of the two agents.",
            where=str(record.source),
            why="Each agent of a conversation reads a prompt of its own.",
            fix=f"Add the field {field}, or name another one in sampler.prompts.",
        )
    if isinstance(found, str) is not isinstance(record.prompt, str):
        raise DataError(
            f"One agent's prompt is a text and the other's ({field!r}) is messages.",
            where=str(record.source),
            fix="Give both prompts in the same form.",
        )
    return found


def in_format(prompt: Text, wanted: str) -> Text:
    """An agent's prompt that also says in which form it is to speak.

    Args:
        prompt: of the agent.
        wanted: a text; nothing is added where it is empty.

    Example:
        >>> in_format("x = 3.", "Use JSON."), in_format([{"role": "user", "content": "x = 3."}], "Use JSON.")
        ('x = 3.\\nUse JSON.', [{'role': 'user', 'content': 'x = 3.\\n\\nUse JSON.'}])
    """
    if not wanted or isinstance(prompt, str):
        return f"{prompt}\n{wanted}" if wanted else prompt
    last = dict(prompt[-1])
    if last["role"] == "user" and isinstance(last["content"], str):
        return [*prompt[:-1], {**last, "content": f"{last['content']}\n\n{wanted}"}]
    return [*prompt, {"role": "user", "content": wanted}]


def reads(prompt: Text, said: Sequence[str], labels: Sequence[str]) -> Text:
    """What the agent reads whose turn it is.

    A prompt in plain text is continued by one line for each turn and by the label of the agent itself. In messages, its
    own turns are the assistant's and its partner's the user's; texts of the user that follow one another become one.

    Args:
        prompt: of this agent.
        said: the turns so far, the two agents in turn; the last is the partner's.
        labels: what stands before a turn of the first and of the second agent.

    Example:
        >>> reads("x = 3.", ["hello", "y = 4"], ("A: ", "B: "))
        'x = 3.\\nA: hello\\nB: y = 4\\nA: '
        >>> reads([{"role": "user", "content": "y = 4."}], ["x?"], ("A: ", "B: "))
        [{'role': 'user', 'content': 'y = 4.\\n\\nx?'}]
    """
    if isinstance(prompt, str):
        written = transcript(said, labels)
        return f"{prompt}\n{written}{chr(10) if written else ''}{labels[len(said) % 2]}"
    messages = [dict(each) for each in prompt]
    for place, text in enumerate(said):
        mine = place % 2 == len(said) % 2
        last = messages[-1]
        if not mine and last["role"] == "user" and isinstance(last["content"], str):
            last["content"] = f"{last['content']}\n\n{text}"
        else:
            messages.append({"role": "assistant" if mine else "user", "content": text})
    return messages


def transcript(said: Sequence[str], labels: Sequence[str]) -> str:
    """The turns as lines, each with the label of its agent.

    Args:
        said: the turns.
        labels: of the first and of the second agent.

    Example:
        >>> print(transcript(["x = 3", "7"], ("A: ", "B: ")))
        A: x = 3
        B: 7
    """
    return "\n".join(f"{labels[place % 2]}{text}" for place, text in enumerate(said))
