"""Random groups of token sequences with common prefixes at many depths."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from penchant.forest import Forest, TokenSequence

TOKENS = st.integers(3, 5)  # so few that beginnings, whole responses and prompts meet by chance all the time


@st.composite
def groups(draw: st.DrawFn) -> tuple[list[TokenSequence], list[int]]:
    """Sequences with the group of each; groups are mixed, sequences shorter than what different groups may share."""
    sequences: list[TokenSequence] = []
    owners: list[int] = []
    for _ in range(draw(st.integers(1, 8))):
        owner = draw(st.integers(0, 2))
        fellows = [each for each, other in zip(sequences, owners, strict=True) if other == owner]
        if fellows and draw(st.booleans()):
            # A tree grows where a sequence continues another, from a cut in its prompt or in its response.
            text = [*(fellow := draw(st.sampled_from(fellows))).prompt, *fellow.response]
            text = text[: draw(st.integers(1, len(text)))] + draw(st.lists(TOKENS, max_size=3))
        else:
            text = draw(st.lists(TOKENS, min_size=1, max_size=8))
        boundary = draw(st.integers(1, len(text)))
        sequences.append(TokenSequence(text[:boundary], text[boundary:][:7]))
        owners.append(owner)
    return [TokenSequence(each.prompt[:8], each.response) for each in sequences], owners


def text_of(sequence: TokenSequence) -> list[int]:
    """All tokens of a sequence."""
    return [*sequence.prompt, *sequence.response]


def chain(forest: Forest, place: int) -> list[int]:
    """Flat indices from the root to ``place``, found by following ``parent``."""
    path = []
    while place >= 0:
        path.append(place)
        place = int(forest.parent[place])
    return path[::-1]


def masked(sequences: list[TokenSequence], seed: int = 0) -> list[TokenSequence]:
    """The sequences with random masks, which leave at least one token of each; some stay without."""
    rng = random.Random(seed)
    found = []
    for number, each in enumerate(sequences):
        mask = [rng.random() < 0.5 for _ in each.response]
        mask[rng.randrange(len(mask))] = True
        found.append(each if number % 4 == 3 else TokenSequence(each.prompt, each.response, tuple(mask)))
    return found


def random_trees(seed: int, vocabulary: int = 60, prompts: int = 2) -> tuple[list[TokenSequence], list[int]]:
    """Prompts with responses that branch twice; one answered by a single response, one sequence given twice."""
    rng = random.Random(seed)

    def ids(count: int) -> list[int]:
        return [rng.randrange(3, vocabulary) for _ in range(count)]

    sequences: list[TokenSequence] = []
    owners: list[int] = []
    for owner in range(prompts):
        prompt, stem = ids(rng.randrange(4, 9)), ids(rng.randrange(1, 4))
        branch = stem + ids(rng.randrange(1, 4))
        responses = [stem + ids(3), branch + ids(2), branch + ids(4), branch, ids(1)]
        sequences += [TokenSequence(prompt, response) for response in responses]
        owners += [owner] * len(responses)
    sequences += [sequences[0], TokenSequence(ids(3), ids(6))]
    return sequences, [*owners, 0, prompts]
