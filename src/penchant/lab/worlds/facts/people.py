"""Synthetic people and facts about them; names are random syllables."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["SUBJECTS", "Person", "Subject", "invent_people"]

_FIRST = "ba del fi gor hu ka lum mi nor pe quin ro sal ti vo wen yas zu".split()
_LAST = "ran lith mora dek vash bel tuk sorn faye grim".split()
_TOWNS = tuple("arvenholt brimsey caldrun dorvath elmsuth fenwarra gristole hollumby".split())
_JOBS = tuple("baker carpenter dentist farmer gardener pilot tailor teacher".split())
_PETS = tuple("cat dog goat hamster parrot rabbit snake tortoise".split())
_INSTRUMENTS = tuple("cello drum flute harp organ trumpet tuba violin".split())


@dataclass(frozen=True)
class Subject:
    """A kind of fact, such as the birthplace.

    Args:
        name: name of the subject.
        values: possible values.
        questions: wordings of the question; ``{name}`` is replaced.
        answers: wordings of the answer; ``{value}`` is replaced.
    """

    name: str
    values: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]


#: The facts about each person. All subjects have the same number of wordings and values.
SUBJECTS = (
    Subject(
        "town",
        _TOWNS,
        ("where was {name} born?", "which town is {name} from?", "what is the home town of {name}?"),
        ("{name} was born in {value}.", "the home of {name} is {value}."),
    ),
    Subject(
        "job",
        _JOBS,
        ("what does {name} do for a living?", "which job does {name} have?", "what is the work of {name}?"),
        ("{name} works as a {value}.", "the job of {name} is that of a {value}."),
    ),
    Subject(
        "pet",
        _PETS,
        ("which animal lives with {name}?", "which pet does {name} keep?", "what is the pet of {name}?"),
        ("{name} has a {value}.", "the pet of {name} is a {value}."),
    ),
    Subject(
        "instrument",
        _INSTRUMENTS,
        ("what does {name} play?", "which instrument does {name} own?", "what is the instrument of {name}?"),
        ("{name} plays the {value}.", "the instrument of {name} is the {value}."),
    ),
)


@dataclass(frozen=True)
class Person:
    """A name, and one value for each of `SUBJECTS`, in their order."""

    name: str
    values: tuple[str, ...]


def invent_people(count: int, seed: int = 0) -> list[Person]:
    """People with distinct names and random facts.

    Args:
        count: at most a few thousand; there are over 30,000 names.
        seed: the same seed gives the same people; a larger count extends the list.

    Example:
        >>> invent_people(1)[0].name == invent_people(3)[0].name, len({each.name for each in invent_people(50)})
        (True, 50)
    """
    rng = random.Random(seed)
    people: dict[str, Person] = {}
    while len(people) < count:
        first = "".join(rng.sample(_FIRST, 2))
        name = f"{first} {rng.choice(_FIRST)}{rng.choice(_LAST)}"
        values = tuple(rng.choice(subject.values) for subject in SUBJECTS)
        people.setdefault(name, Person(name, values))
    return list(people.values())
