"""The dialogues of PrefEval: the preference, N turns about something else, and the question by one of five methods."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.preference_following.tasks import LETTERS, PreferenceTask
from penchant.evaluation.retrieval.miners import word_scores
from penchant.feedback.records import Message

__all__ = [
    "METHODS",
    "RETRIEVED",
    "before_question",
    "check_turns",
    "choice_question",
    "followed_up",
    "question_turn",
    "retrieved",
]

#: How the model is helped to remember: not at all, by a reminder, by steps, by its own critique, by retrieved turns.
METHODS = ("zero-shot", "reminder", "chain-of-thought", "self-critique", "retrieval")
#: Number of exchanges that retrieval repeats before the question.
RETRIEVED = 5

_REMINDER = "Keep in mind what I told you earlier about my preferences, and answer in line with it."
_STEPS = (
    "First recall which preferences I have told you or shown, and think step by step about what they exclude. Then "
    "answer."
)
_CRITIQUE = (
    "Does your answer go against any preference that I told you or showed earlier? Name each one that it violates."
)
_REWRITE = "Now write your answer to my question again, so that it follows my preferences. Write the answer alone."
_CHOOSE = "Which of these answers suits me best?"
_LETTER = "Answer with one letter, A, B, C or D."


def before_question(
    task: PreferenceTask, turns: int, distractors: Sequence[tuple[str, str]], seed: int = 0
) -> list[Message]:
    """The dialogue before the question: the preference and the first N of the task's own order of distractors.

    So a longer dialogue holds the shorter one, and points of a curve differ in their length alone.

    Args:
        task: gives the opening.
        turns: N, exchanges in between.
        distractors: the pool.
        seed: of the order.

    Raises:
        ConfigurationError: the pool holds fewer exchanges.
    """
    check_turns(turns, distractors)
    order = random.Random(f"{seed} {task.preference} {task.question}").sample(range(len(distractors)), len(distractors))
    found = list(task.opening)
    for place in order[:turns]:
        user, assistant = distractors[place]
        found += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return found


def check_turns(turns: int, distractors: Sequence[tuple[str, str]]) -> None:
    """Refuse more turns than there are exchanges to fill them with.

    Args:
        turns: exchanges in between.
        distractors: the pool.

    Raises:
        ConfigurationError: the pool holds fewer exchanges.

    Example:
        >>> check_turns(1, [("Hello", "Hi")])
    """
    if turns > len(distractors):
        raise ConfigurationError(
            f"{turns} turns are asked for, but there are {len(distractors)} exchanges to fill them with.",
            where="turns",
            fix="Ask for fewer turns, or give more exchanges with --distractors FILE.",
        )


def question_turn(question: str, method: str, earlier: Sequence[Message]) -> str:
    """The text of the last user turn.

    Args:
        question: of the task, or with options.
        method: one of `METHODS`.
        earlier: the dialogue before it, for retrieval.

    Raises:
        ConfigurationError: there is no such method.
    """
    if method not in METHODS:
        raise ConfigurationError(f"There is no method {method!r}.", where="method", fix=f"Give {', '.join(METHODS)}.")
    if method == "reminder":
        return f"{question}\n\n{_REMINDER}"
    if method == "chain-of-thought":
        return f"{question}\n\n{_STEPS}"
    if method == "retrieval":
        lines = [f"{each['role'].capitalize()}: {each['content']}" for each in retrieved(question, earlier)]
        return "Consider these earlier turns of our conversation:\n\n" + "\n".join(lines) + f"\n\n{question}"
    return question


def retrieved(question: str, earlier: Sequence[Message], count: int = RETRIEVED) -> list[Message]:
    """The turns of the exchanges that share most words with the question (BM25), in their order.

    Args:
        question: what is asked.
        earlier: alternating turns of user and assistant.
        count: maximum number of exchanges.
    """
    exchanges = [earlier[start : start + 2] for start in range(0, len(earlier), 2)]
    texts = [" ".join(str(turn["content"]) for turn in each) for each in exchanges]
    scores = np.asarray(word_scores([question], texts))[0]
    best = sorted(sorted(range(len(texts)), key=lambda place: (-scores[place], place))[:count])
    return [turn for place in best for turn in exchanges[place]]


def followed_up(method: str) -> tuple[str, ...]:
    """The user turns that follow the first answer; the answer to the last of them counts."""
    return (_CRITIQUE, _REWRITE) if method == "self-critique" else ()


def choice_question(task: PreferenceTask, seed: int = 0) -> tuple[str, str, str]:
    """The question with its options in a shuffled order.

    Returns:
        The text, the request for a letter, and the letter of the right option.
    """
    order = random.Random(f"{seed} {task.question} {task.preference}").sample(range(4), 4)
    lines = [f"{letter}. {task.options[place]}" for letter, place in zip(LETTERS, order, strict=True)]
    return "\n".join([task.question, _CHOOSE, *lines]), _LETTER, LETTERS[order.index(task.right)]
