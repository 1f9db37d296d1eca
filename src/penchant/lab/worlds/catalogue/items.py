"""Items of a catalogue: topics, titles and descriptions from word lists."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product

__all__ = ["KINDS", "MOODS", "TOPICS", "Item", "make_items"]

#: Each topic: words of titles, and other words for the same in descriptions.
TOPICS = (
    (("castle", "dragon", "knight", "wizard"), ("fortress", "beast", "armour", "magic")),
    (("galaxy", "rocket", "planet", "comet"), ("stars", "launch", "orbit", "meteor")),
    (("harbour", "pirate", "island", "storm"), ("port", "treasure", "shore", "waves")),
    (("garden", "meadow", "orchard", "harvest"), ("flowers", "grass", "apples", "field")),
    (("engine", "circuit", "racer", "turbo"), ("motor", "track", "driver", "speed")),
    (("detective", "alibi", "vault", "cipher"), ("clues", "suspect", "safe", "code")),
    (("goal", "arena", "champion", "league"), ("score", "stadium", "trophy", "season")),
    (("kitchen", "baker", "spice", "banquet"), ("oven", "bread", "pepper", "dinner")),
)
#: Moods: the word of the title, and the word of descriptions.
MOODS = tuple(
    zip(
        "silent golden broken hidden wild frozen crimson lonely".split(),
        "quiet bright ruined secret savage icy red solitary".split(),
        strict=True,
    )
)
#: Kinds: the word of the title, and the word of descriptions.
KINDS = tuple(
    zip("quest tale puzzle saga duel voyage".split(), "mission story riddle epic fight journey".split(), strict=True)
)


@dataclass(frozen=True)
class Item:
    """An item: its title, and what it is about as places in `TOPICS`, `MOODS` and `KINDS`."""

    title: str
    topic: int
    mood: int
    kind: int
    word: int

    def description(self, rng: random.Random) -> str:
        """A description that shares no word with the title: mood, kind and two words of the topic, in random order."""
        words = TOPICS[self.topic][1]
        other = rng.choice([place for place in range(len(words)) if place != self.word])
        said = [MOODS[self.mood][1], KINDS[self.kind][1], words[self.word], words[other]]
        rng.shuffle(said)
        return " ".join(said)

    def question(self, rng: random.Random) -> str:
        """A question for it: mood, topic and kind, each by the word of the title or by its other word."""
        pairs = (MOODS[self.mood], tuple(words[self.word] for words in TOPICS[self.topic]), KINDS[self.kind])
        return " ".join(rng.choice(pair) for pair in pairs)


def make_items(count: int, seed: int = 0) -> list[Item]:
    """Items with distinct titles, such as ``silent dragon quest``.

    Args:
        count: at most 1536, the number of titles.
        seed: the same seed gives the same items; a larger count extends the list.

    Example:
        >>> made = make_items(100)
        >>> len({item.title for item in made}), made[:5] == make_items(5)
        (100, True)
    """
    places = list(product(range(len(TOPICS)), range(len(MOODS)), range(len(KINDS)), range(len(TOPICS[0][0]))))
    random.Random(seed).shuffle(places)
    return [
        Item(f"{MOODS[mood][0]} {TOPICS[topic][0][word]} {KINDS[kind][0]}", topic, mood, kind, word)
        for topic, mood, kind, word in places[:count]
    ]
