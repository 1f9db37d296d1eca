"""FactsWorld: facts about synthetic people to forget, to retain, and unknown to the model."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Literal

from penchant.errors import ConfigurationError
from penchant.lab.pretrained import Pretraining, TextWorld
from penchant.lab.worlds.facts.people import SUBJECTS, Person, Subject, invent_people
from penchant.lab.worlds.language.grammar import split_words
from penchant.lab.worlds.language.tokenizer import build_tokenizer
from penchant.statistics import Interval, mean_interval

__all__ = ["SPLITS", "FactsWorld", "Knowledge", "Split"]

Split = Literal["forget", "retain", "strangers"]
SPLITS: tuple[Split, ...] = ("forget", "retain", "strangers")


@dataclass(frozen=True)
class Knowledge:
    """How well a model knows a set of facts.

    Args:
        probability: mean of P(right answer) / Σ P(answers) over all possible values.
        accuracy: share of the facts whose right answer is the most likely value.
        chance: the expected value of both for a model that guesses.
    """

    probability: Interval
    accuracy: Interval
    chance: float


@dataclass(frozen=True)
class FactsWorld(TextWorld):
    """Questions about synthetic people, and a model that has learned the answers.

    The base model learns every wording of every question about the people of the splits ``forget`` and ``retain``, with
    every wording of the answer. So unlearning with one wording can be tested with another. It has never seen the people
    of ``strangers`` and can only guess.

    Args:
        people: number of people known to the base model.
        forget: share of them to forget, in (0, 1).
        strangers: number of unknown people.
        learned: ``all``, or ``retain`` for a model that has never seen the forget split.
        people_seed: seed of names and facts.
        pretraining: training settings of the base model; ``examples`` is not used, each pass covers all facts.

    Raises:
        ConfigurationError: a split would be empty.

    Example:
        >>> world = FactsWorld()
        >>> record = world.records("forget")[0]
        >>> record["prompt"], record["completion"]
        ('where was salti delvash born?', 'salti delvash was born in hollumby.')
    """

    id: ClassVar[str] = "facts"
    made_by: ClassVar[tuple[str, ...]] = (
        "penchant.lab.worlds.facts",
        "penchant.lab.worlds.language.model",
        "penchant.lab.worlds.language.tokenizer",
    )
    base_dials: ClassVar[tuple[str, ...]] = ("people", "forget", "strangers", "learned", "people_seed")
    longest: ClassVar[int] = 24

    people: int = 24
    forget: float = 0.25
    strangers: int = 8
    learned: Literal["all", "retain"] = "all"
    people_seed: int = 0
    pretraining: Pretraining = Pretraining(0, epochs=16, batch_size=32, learning_rate=3e-3, width=64)

    def __post_init__(self) -> None:
        if not 0 < round(self.forget * self.people) < self.people or self.strangers < 1:
            raise ConfigurationError(
                f"With {self.people} people, {self.forget:.0%} of them to forget, and {self.strangers} strangers, one "
                "of the splits is empty.",
                fix="Use more people or a share further from 0 and 1, and at least one stranger.",
            )

    def persons(self, split: Split) -> list[Person]:
        """The people of a split.

        Raises:
            ConfigurationError: there is no such split.
        """
        everybody = invent_people(self.people + self.strangers, self.people_seed)
        first = round(self.forget * self.people)
        parts = (everybody[:first], everybody[first : self.people], everybody[self.people :])
        if split not in SPLITS:
            raise ConfigurationError(f"There is no split {split!r}.", fix=f"Known: {', '.join(SPLITS)}.")
        return parts[SPLITS.index(split)]

    def without_forgotten(self) -> FactsWorld:
        """The same world with a base model that has never seen the forget split: the target of unlearning."""
        return replace(self, learned="retain")

    def records(self, split: Split, question: int = 0, answer: int = 0) -> list[dict[str, Any]]:
        """All facts about the people of a split.

        Args:
            split: ``forget``, ``retain`` or ``strangers``.
            question: wording of the question, 0 to 2.
            answer: wording of the answer, 0 or 1.

        Returns:
            Records ``{"prompt", "completion", "person", "subject", "answer"}``: the question, the answer as a sentence,
            the person, the subject, and the value.
        """
        return [
            {
                "prompt": subject.questions[question].format(name=person.name),
                "completion": subject.answers[answer].format(name=person.name, value=value),
                "person": person.name,
                "subject": subject.name,
                "answer": value,
            }
            for person in self.persons(split)
            for subject, value in zip(SUBJECTS, person.values, strict=True)
        ]

    def knowledge(self, policy: Any, split: Split, question: int = 0, answer: int = 0) -> Knowledge:
        """How well a model knows the facts of a split: the probability of the right answer among all values of the
        subject.

        Args:
            policy: a causal language model with the world's tokenizer.
            split: the split.
            question, answer: wordings, as in `records`.
        """
        from penchant.likelihood import sequence_logps
        from penchant.rendering.renderer import Renderer

        renderer = Renderer(self.tokenizer())
        prompts, responses, right = [], [], []
        for record in self.records(split, question, answer):
            subject = next(each for each in SUBJECTS if each.name == record["subject"])
            right.append(subject.values.index(record["answer"]))
            for value in subject.values:
                prompts.append(renderer.prompt_ids(record["prompt"]))
                said = subject.answers[answer].format(name=record["person"], value=value)
                responses.append(renderer.response_ids(record["prompt"], said))
        size = len(SUBJECTS[0].values)
        logps = sequence_logps(policy, prompts, responses)
        chosen = [_share_and_hit(logps[place * size :][:size], wanted) for place, wanted in enumerate(right)]
        shares, hits = zip(*chosen, strict=True)
        return Knowledge(mean_interval(shares), mean_interval(hits), 1 / size)

    def tokenizer(self) -> Any:
        """See `TextWorld.tokenizer`."""
        wordings = [text for subject in SUBJECTS for text in (*subject.questions, *subject.answers, *subject.values)]
        names = [person.name for split in SPLITS for person in self.persons(split)]
        said = " ".join([*wordings, *names]).replace("{name}", "").replace("{value}", "")
        return build_tokenizer(sorted(set(split_words(said))), reviews=False)

    def prompts(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Questions about the people known to the base model, drawn with repetition: ``{"prompt", "answer", ...}``."""
        rng = random.Random(seed)
        everything = self._facts("all")
        return [rng.choice(everything) for _ in range(count)]

    def demonstrations(self, count: int = 0, seed: int = 0) -> list[dict[str, Any]]:
        """The training data of the base model: every fact in every wording. ``count`` and ``seed`` are not used."""
        return self._facts(self.learned)

    def _facts(self, learned: str) -> list[dict[str, Any]]:
        splits: Sequence[Split] = ("retain",) if learned == "retain" else ("forget", "retain")
        wordings = list(product(range(len(SUBJECTS[0].questions)), range(len(SUBJECTS[0].answers))))
        return [record for split in splits for wording in wordings for record in self.records(split, *wording)]

    def reward(self, prompt: str, response: str) -> float:
        """1 if the response contains the right value and no other value of the subject, else 0."""
        person, subject = self._asked(prompt)
        value = person.values[SUBJECTS.index(subject)]
        return float([word for word in split_words(response) if word in subject.values] == [value])

    def _asked(self, prompt: str) -> tuple[Person, Subject]:
        for split in SPLITS:
            for person in self.persons(split):
                for subject in SUBJECTS:
                    if prompt in (question.format(name=person.name) for question in subject.questions):
                        return person, subject
        raise ConfigurationError(f"This world has no question {prompt!r}.")

    def written(self, rng: random.Random) -> tuple[str, str, str]:
        """See `TextWorld.written`: the right answer and a wrong one."""
        record = rng.choice(self._facts("all"))
        subject = next(each for each in SUBJECTS if each.name == record["subject"])
        wrong = rng.choice([value for value in subject.values if value != record["answer"]])
        other = subject.answers[0].format(name=record["person"], value=wrong)
        return record["prompt"], record["completion"], other

    def compare(self, prompt: str, first: str, second: str, rng: random.Random) -> dict[str, Any] | None:
        """The right answer is chosen; None where both are right, or both wrong."""
        return self.right_before_wrong(prompt, first, second)


def _share_and_hit(logps: Sequence[float], wanted: int) -> tuple[float, float]:
    highest = max(logps)
    odds = [math.exp(each - highest) for each in logps]
    return odds[wanted] / sum(odds), float(logps[wanted] == highest)
