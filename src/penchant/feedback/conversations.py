"""Splitting conversations into the history (the prompt) and the response to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from penchant.errors import DataError
from penchant.feedback.dialogues import ASSISTANT, HUMAN, turns_of
from penchant.feedback.records import Demonstration, Message, Source, Text, counts
from penchant.feedback.validation import NOT_ANSWERING

__all__ = ["implicit_prompt", "parted", "response_to", "split_last_answer", "with_every_turn"]

_WHY = "Responses can only be compared as answers to the same history."


def _shown(turn: Message | None) -> str:
    if turn is None:
        return "nothing"
    content: Any = turn.get("content")
    content = content if isinstance(content, str) else str(content)
    return f"{turn['role']}: {content if len(content) <= 40 else content[:37] + '...'!r}"


def _differing(first: list[Message], second: list[Message]) -> int:
    """Index of the first turn in which two conversations differ (role or content)."""
    for at, (one, other) in enumerate(zip(first, second, strict=False)):
        if (one["role"], one.get("content")) != (other["role"], other.get("content")):
            return at
    return min(len(first), len(second))


def parted(chosen: Text, rejected: Text) -> str:
    """Where two histories part, for errors; empty if they are not both conversations.

    Example:
        >>> parted([{"role": "system", "content": "Be brief."}], [{"role": "user", "content": "Hi"}])
        ": they differ in turn 1 (chosen has system: 'Be brief.', rejected has user: 'Hi')"
    """
    if not isinstance(chosen, list) or not isinstance(rejected, list):
        return ""
    at = _differing(chosen, rejected)
    one, other = _shown(_turn(chosen, at)), _shown(_turn(rejected, at))
    return f": they differ in turn {at + 1} (chosen has {one}, rejected has {other})"


def _turn(turns: list[Message], at: int) -> Message | None:
    return turns[at] if at < len(turns) else None


def split_last_answer(messages: list[Message], field: str, source: Source) -> tuple[list[Message], list[Message]]:
    """A conversation's history and the assistant's turn that ends it.

    Raises:
        DataError: the last turn is not the assistant's, or there is no turn before it.

    Example:
        >>> turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
        >>> split_last_answer(turns, "messages", Source())[1]
        [{'role': 'assistant', 'content': 'Hello!'}]
    """
    if messages[-1]["role"] != "assistant":
        raise DataError(
            f"The conversation in {field!r} ends with a turn of {messages[-1]['role']!r}, "
            "expected 'assistant': the last turn is the response.",
            where=str(source),
            fix="Add the answer; or, if these are prompts, map them: --map prompt=messages --kind prompt.",
        )
    if len(messages) == 1:
        raise DataError(
            f"The conversation in {field!r} has only one turn, the answer; the prompt is missing.",
            where=str(source),
            fix="Add the turn that it answers, or a field 'prompt'.",
        )
    return messages[:-1], messages[-1:]


def with_every_turn(record: Demonstration) -> Demonstration:
    """A demonstration that answers from its first assistant's turn on, so that all its turns are learned.

    Turns with ``weight`` 0 (OpenAI) are context: those before the first that counts belong to the prompt, and those
    after the last are left out.

    Raises:
        DataError: no turn of the assistant counts.

    Example:
        >>> turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
        >>> more = [{"role": "user", "content": "Bye"}]
        >>> with_every_turn(Demonstration(prompt=turns + more, completion="Goodbye!")).prompt
        [{'role': 'user', 'content': 'Hi'}]
    """
    prompt = turns_of(record.prompt) if isinstance(record.prompt, str) else record.prompt
    if not isinstance(prompt, list):
        return record
    said = record.completion
    turns = [*prompt, *([{"role": "assistant", "content": said}] if isinstance(said, str) else said)]
    counting = [at for at, turn in enumerate(turns) if turn["role"] == "assistant" and counts(turn)]
    if not counting:
        raise DataError(
            "Every turn of the assistant has the weight 0, so there is nothing to learn.",
            where=str(record.source),
            fix="Remove the record, or the weights.",
        )
    first, last = counting[0], counting[-1]
    if not first:
        return record
    return replace(record, prompt=turns[:first], completion=turns[first : last + 1])


def implicit_prompt(
    chosen: Text, rejected: Text, source: Source, *, every_turn: bool = False
) -> tuple[Text, Text, Text]:
    """The history that two full conversations share, and what follows it in each.

    Works for lists of messages and for texts like those of Anthropic's HH (``"\\n\\nHuman: ...\\n\\nAssistant: ..."``).

    Args:
        chosen: the conversation that ends with the chosen answer.
        rejected: the other one.
        source: file and line.
        every_turn: allow conversations that part before their last answer; the responses then hold turns of others.
            Dialogues written as text become messages: only those say which turns are the assistant's.

    Returns:
        prompt, chosen response, rejected response.

    Raises:
        DataError: they share no history, or differ before their last answer; the first differing turn is named.

    Example:
        >>> implicit_prompt("\\n\\nHuman: Hi\\n\\nAssistant: Hello!", "\\n\\nHuman: Hi\\n\\nAssistant: What?", Source())
        ('\\n\\nHuman: Hi\\n\\nAssistant:', ' Hello!', ' What?')
    """
    if every_turn and isinstance(chosen, str) and isinstance(rejected, str):
        one, other = turns_of(chosen), turns_of(rejected)
        chosen, rejected = (one, other) if one and other else (chosen, rejected)
    if isinstance(chosen, list) and isinstance(rejected, list):
        return _shared_turns(chosen, rejected, source, every_turn)
    if isinstance(chosen, str) and isinstance(rejected, str):
        return _shared_dialogue(chosen, rejected, source)
    raise DataError(
        "'chosen' and 'rejected' are of different types: one is text, the other a list of messages.",
        where=str(source),
        fix="Use the same format for both.",
    )


def _shared_turns(
    chosen: list[Message], rejected: list[Message], source: Source, every_turn: bool
) -> tuple[Text, Text, Text]:
    at = _differing(chosen, rejected)
    if at == len(chosen) == len(rejected):
        history, answer = split_last_answer(chosen, "chosen", source)
        return history, answer, list(answer)
    # If one conversation ends with turns that both share, those turns belong to the responses.
    while at == min(len(chosen), len(rejected)) or (at and chosen[at - 1]["role"] == "assistant" == chosen[at]["role"]):
        at -= 1
    # What comes before the assistant's turn belongs to the prompt, so a response begins with one that both may share.
    roles = [chosen[at]["role"], rejected[at]["role"]]
    while at and (every_turn or "tool" in roles) and not chosen[at]["role"] == rejected[at]["role"] == "assistant":
        at -= 1
    if every_turn and at:
        return chosen[:at], chosen[at:], rejected[at:]
    if at == 0 or any(turn["role"] in NOT_ANSWERING for turn in chosen[at:] + rejected[at:]):
        raise _apart(chosen, rejected, source)
    return chosen[:at], chosen[at:], rejected[at:]


def _apart(chosen: list[Message], rejected: list[Message], source: Source) -> DataError:
    return DataError(
        f"'chosen' and 'rejected' do not answer the same history{parted(chosen, rejected)}, before the answer.",
        where=str(source),
        why=_WHY,
        fix="Give the prompt in a field 'prompt', or remove the record; to compare all that the assistant says after "
        "the history that both share: train_on: assistant (--train-on assistant).",
    )


def _shared_dialogue(chosen: str, rejected: str, source: Source) -> tuple[Text, Text, Text]:
    length = min(len(chosen), len(rejected))
    shared = chosen[: next((at for at in range(length) if chosen[at] != rejected[at]), length)]
    if chosen == rejected:
        shared = chosen[: chosen.rfind(ASSISTANT) + len(ASSISTANT)]
    end = shared.rfind(ASSISTANT)
    if end < 0 and not (HUMAN.strip() in chosen and ASSISTANT in chosen):
        raise DataError(
            "There is no field 'prompt', and 'chosen' and 'rejected' are texts without a shared dialogue "
            "('\\n\\nHuman: ... \\n\\nAssistant: ...').",
            where=str(source),
            fix="Add a field 'prompt' (--map prompt=COLUMN if the column has another name, such as 'text').",
        )
    end += len(ASSISTANT)
    rest = chosen[end:], rejected[end:]
    if end < len(ASSISTANT) or any(HUMAN in answer for answer in rest):
        turn = shared.count(HUMAN) + shared.count(ASSISTANT)
        raise DataError(
            f"'chosen' and 'rejected' do not answer the same history: the dialogues differ in turn {max(turn, 1)}, "
            "before the last answer.",
            where=str(source),
            why=_WHY,
            fix="Remove the record, or cut both dialogues at the turn that differs; to compare all that the assistant "
            "says after the history that both share: train_on: assistant (--train-on assistant).",
        )
    return chosen[:end], rest[0], rest[1]


def response_to(prompt: Text, value: Text, field: str, source: Source) -> tuple[Text, Text]:
    """Prompt and response; the response may be given alone or as a full conversation that starts with the prompt.

    A text prompt whose response is a list of messages becomes one user turn, or the history of the conversation.

    Raises:
        DataError: the conversation does not start with the prompt; the message names the first differing turn.

    Example:
        >>> response_to("Hi", [{"role": "assistant", "content": "Hello!"}], "chosen", Source())[0]
        [{'role': 'user', 'content': 'Hi'}]
    """
    if isinstance(value, str):
        if isinstance(prompt, str) and HUMAN.strip() in prompt and value.startswith(prompt):
            rest = value[len(prompt) :]
            # Who answers is part of the prompt, where the prompt is a dialogue that ends with the question.
            return (prompt + ASSISTANT, rest[len(ASSISTANT) :]) if rest.startswith(ASSISTANT) else (prompt, rest)
        return prompt, value
    if isinstance(prompt, str):
        return _answer_to_text(prompt, value, field, source)
    return _answer_to_turns(prompt, value, field, source)


def _answer_to_turns(
    prompt: list[Message], value: list[Message], field: str, source: Source
) -> tuple[list[Message], list[Message]]:
    at = _differing(prompt, value)
    if at == len(prompt) == len(value):
        raise DataError(
            f"{field!r} repeats the prompt and has no turn after it.",
            where=str(source),
            fix="Add the answer, or remove the record.",
        )
    if at == len(prompt):
        return prompt, value[at:]
    if value[0]["role"] not in NOT_ANSWERING:
        return prompt, value
    raise DataError(
        f"{field!r} does not continue 'prompt': they differ in turn {at + 1} "
        f"(prompt has {_shown(_turn(prompt, at))}, {field} has {_shown(_turn(value, at))}).",
        where=str(source),
        why=_WHY,
        fix="Correct the history, or give only the response.",
    )


def _answer_to_text(prompt: str, value: list[Message], field: str, source: Source) -> tuple[Text, Text]:
    if value[0]["role"] not in NOT_ANSWERING:
        return [{"role": "user", "content": prompt}], value
    history, answer = split_last_answer(value, field, source)
    contents = [turn.get("content") for turn in history if turn["role"] == "user"]
    if not any(isinstance(content, str) and content.strip() == prompt.strip() for content in contents):
        at = next((at for at, turn in enumerate(history) if turn["role"] == "user"), 0)
        raise DataError(
            f"{field!r} does not continue 'prompt': they differ in turn {at + 1} "
            f"(prompt is {prompt[:40]!r}, {field} has {_shown(_turn(history, at))}).",
            where=str(source),
            why=_WHY,
            fix="Correct the history, or remove the field 'prompt'.",
        )
    return history, answer
