"""The protocol of PrefEval: answers and choices of a model, by number of turns in between and by method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import ConfigurationError
from penchant.evaluation.preference_following.checks import check_answers
from penchant.evaluation.preference_following.dialogues import (
    before_question,
    choice_question,
    followed_up,
    question_turn,
)
from penchant.evaluation.preference_following.speaker import Dialogue, Speaker
from penchant.evaluation.preference_following.tasks import PreferenceTask
from penchant.evaluation.prefeval import choice_accuracy, error_of, rates
from penchant.rewards.answerers import Answerer
from penchant.statistics import Interval

__all__ = ["Point", "Setting", "measure_choices", "measure_curve", "measure_generation"]


@dataclass(frozen=True)
class Point:
    """One setting.

    Args:
        task: ``choice`` or ``generation``.
        method: one of `METHODS`.
        turns: exchanges between the preference and the question.
        figures: ``accuracy``, and for generation the rate of each error, with 95 % intervals; empty if nothing could be
            measured.
        measured: tasks that count.
        unread: answers that the judge did not check with a clear yes or no, left out.
        too_long: dialogues that do not fit into the model's context, left out.
        rows: question, answer and finding of each task.
    """

    task: str
    method: str
    turns: int
    figures: dict[str, Interval]
    measured: int
    unread: int
    too_long: int
    rows: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; intervals as value, low and high."""
        figures = {name: [each.value, each.low, each.high] for name, each in self.figures.items()}
        return {**vars(self), "figures": figures}


@dataclass(frozen=True)
class Setting:
    """What is asked, and how.

    Args:
        tasks: preferences and questions.
        method: one of `METHODS`.
        turns: exchanges between the preference and the question.
        distractors: the pool that they are drawn from.
        seed: of the draw, and of the order of options.
    """

    tasks: Sequence[PreferenceTask]
    method: str
    turns: int
    distractors: Sequence[tuple[str, str]]
    seed: int = 0

    def opened(self, questions: Sequence[str]) -> list[Dialogue]:
        """The dialogues up to and with the question."""
        found: list[Dialogue] = []
        for task, question in zip(self.tasks, questions, strict=True):
            before = before_question(task, self.turns, self.distractors, self.seed)
            found.append([*before, _user(question_turn(question, self.method, before))])
        return found


def measure_generation(speaker: Speaker, judge: Answerer, setting: Setting, *, by_words: bool = False) -> Point:
    """Answers of the model, checked by the judge.

    Args:
        speaker: the model.
        judge: answers the yes/no questions of `QUESTIONS`.
        setting: what is asked.
        by_words: read the judge's probabilities of Yes and No.

    Reference:
        Zhao et al. (2025), Do LLMs Recognize Your Preferences?, arXiv:2502.09597.
    """
    tasks, method = setting.tasks, setting.method
    _dialogues, answers = _last_answers(speaker, setting.opened([each.question for each in tasks]), method)
    known = [place for place, each in enumerate(answers) if each is not None]
    texts = [answers[place] or "" for place in known]
    checks = check_answers(judge, [tasks[place] for place in known], texts, by_words=by_words)
    rows = [
        {
            "question": tasks[place].question,
            "preference": tasks[place].preference,
            "answer": text,
            "checks": None if found is None else vars(found),
            "error": None if found is None else error_of(found),
        }
        for place, text, found in zip(known, texts, checks, strict=True)
    ]
    read = [each for each in checks if each is not None]
    figures = rates(read) if read else {}
    return Point(
        "generation", method, setting.turns, figures, len(read), len(checks) - len(read), len(tasks) - len(known), rows
    )


def measure_choices(speaker: Speaker, setting: Setting) -> Point:
    """The model's choices among four options, in an order shuffled by the seed.

    Args:
        speaker: the model.
        setting: what is asked.

    Raises:
        ConfigurationError: a task has no options.
    """
    tasks, method, seed = setting.tasks, setting.method, setting.seed
    if missing := next((each for each in tasks if not each.options), None):
        raise ConfigurationError(
            "The choice task needs four options, which a task does not have.",
            where=missing.question,
            fix="Add options and right to every row, or measure the generation task alone.",
        )
    asked = [choice_question(each, seed) for each in tasks]
    dialogues = setting.opened([text for text, _letter, _right in asked])
    letter = asked[0][1]
    if method in ("chain-of-thought", "self-critique"):
        dialogues, answers = _last_answers(speaker, dialogues, method)
        dialogues = [_extended(each, said, letter) for each, said in zip(dialogues, answers, strict=True)]
    else:
        dialogues = [each and [*each[:-1], _user(f"{each[-1]['content']}\n\n{letter}")] for each in dialogues]
    chosen = speaker.letters(dialogues)
    right = [each for _text, _letter, each in asked]
    known = [place for place, each in enumerate(chosen) if each is not None]
    rows = [{"question": tasks[place].question, "chosen": chosen[place], "right": right[place]} for place in known]
    figures = {}
    if known:
        figures = {"accuracy": choice_accuracy([chosen[place] for place in known], [right[place] for place in known])}
    return Point("choice", method, setting.turns, figures, len(known), 0, len(tasks) - len(known), rows)


def measure_curve(
    measure: Callable[[str, int], Point], methods: Sequence[str], turns: Sequence[int], say: Callable[[str], None]
) -> list[Point]:
    """A point for each method and number of turns.

    Args:
        measure: called with both.
        methods: of `METHODS`.
        turns: numbers of exchanges in between.
        say: hears what is being measured.
    """
    points = []
    for method in methods:
        for number in turns:
            say(f"{method}, {number} turns in between")
            points.append(measure(method, number))
    return points


def _last_answers(speaker: Speaker, dialogues: list[Dialogue], method: str) -> tuple[list[Dialogue], list[str | None]]:
    """The dialogues that lead to the answers that count, and these answers."""
    answers = speaker.answers(dialogues)
    for turn in followed_up(method):
        dialogues = [_extended(each, said, turn) for each, said in zip(dialogues, answers, strict=True)]
        answers = speaker.answers(dialogues)
    return dialogues, answers


def _extended(dialogue: Dialogue, said: str | None, user: str) -> Dialogue:
    """A dialogue with the model's answer and another turn of the user; None if there is no answer."""
    if dialogue is None or said is None:
        return None
    # Templates refuse an empty turn.
    return [*dialogue, {"role": "assistant", "content": said or "..."}, _user(user)]


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}
