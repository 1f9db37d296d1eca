"""Soups: which of several tuned models are averaged, decided by a score on held-out data."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from penchant.errors import ConfigurationError, ModelError
from penchant.training.merging.averages import Linear
from penchant.training.merging.writer import Merged, merge_models

__all__ = ["MOST_SUBSETS", "SOUPS", "Soup", "SoupKind", "cook_soup", "greedy_choice", "maximum_choice"]

#: greedy (arXiv 2203.05482, recipe 1) or maximum (the best subset, arXiv 2409.04828).
SoupKind = Literal["greedy", "maximum"]
SOUPS: tuple[SoupKind, ...] = ("greedy", "maximum")
#: A search over all subsets scores at most so many of them.
MOST_SUBSETS = 64

#: The score of the average of some models, given by their places; larger is better.
ScoreOf = Callable[[tuple[int, ...]], float]


@dataclass
class Soup:
    """Which models were averaged.

    Args:
        members: places of the models, in the order in which they were added.
        score: of their average.
        tried: every subset that was scored, with its score, in order.
    """

    members: tuple[int, ...]
    score: float
    tried: list[tuple[tuple[int, ...], float]] = field(default_factory=list)


def greedy_choice(count: int, score: ScoreOf) -> Soup:
    """From the best model down, add each that does not lower the score of the average.

    The result never scores below the best single model.

    Args:
        count: how many models.
        score: of a subset's average.

    Example:
        >>> scores = {(0,): 1.0, (1,): 3.0, (2,): 2.0, (1, 2): 2.5, (1, 0): 4.0}
        >>> greedy_choice(3, lambda members: scores[members]).members
        (1, 0)
    """
    tried: list[tuple[tuple[int, ...], float]] = [((place,), score((place,))) for place in range(count)]
    order = sorted(range(count), key=lambda place: -tried[place][1])
    members: tuple[int, ...] = (order[0],)
    best = tried[order[0]][1]
    for place in order[1:]:
        candidate = (*members, place)
        found = score(candidate)
        tried.append((candidate, found))
        if found >= best:
            members, best = candidate, found
    return Soup(members, best, tried)


def maximum_choice(count: int, score: ScoreOf) -> Soup:
    """The subset whose average scores best; of equal ones the smallest.

    Args:
        count: how many models, at most 6.
        score: of a subset's average.

    Raises:
        ConfigurationError: there are too many subsets.
    """
    if 2**count > MOST_SUBSETS:
        raise ConfigurationError(
            f"{count} models have {2**count - 1} subsets, and each is scored.",
            where="soup",
            fix=f"Give at most {int(math.log2(MOST_SUBSETS))} models, or use the greedy soup.",
        )
    subsets = itertools.chain.from_iterable(itertools.combinations(range(count), size) for size in range(1, count + 1))
    tried = [(members, score(members)) for members in subsets]
    members, best = max(tried, key=lambda each: each[1])
    return Soup(members, best, tried)


def cook_soup(
    models: Sequence[str | Path],
    kind: SoupKind,
    score: Callable[[Path], float],
    output: str | Path,
    *,
    overwrite: bool = False,
    said: Callable[[str], None] = lambda line: None,
) -> tuple[Soup, Merged]:
    """Choose models by the score of their average on held-out data, and write that average.

    Candidates are written beside the output, one at a time, and removed again.

    Args:
        models: folders of models or of runs.
        kind: ``greedy`` or ``maximum``.
        score: of a model's folder; larger is better.
        output: folder of the soup.
        overwrite: a merged model in the folder is replaced.
        said: called with a line for every candidate.

    Raises:
        ModelError: a score is not finite; and as `merge_models` does.
    """
    if len(models) < 2:
        raise ConfigurationError("A soup needs at least 2 models, and 1 is given.", fix="Give more model folders.")
    parent = Path(output).absolute().parent
    parent.mkdir(parents=True, exist_ok=True)

    def of(members: tuple[int, ...]) -> float:
        with tempfile.TemporaryDirectory(prefix=".soup-", dir=parent) as place:
            merged = merge_models([models[each] for each in members], Linear(), Path(place) / "candidate")
            found = score(merged.folder)
        names = [str(models[each]) for each in members]
        if not math.isfinite(found):
            raise ModelError(f"The score of {' + '.join(names)} is {found}.", fix="Check the models and the data.")
        said(f"{found:.6g}  {' + '.join(names)}")
        return found

    soup = (greedy_choice if kind == "greedy" else maximum_choice)(len(models), of)
    tried = [{"models": [str(models[each]) for each in members], "score": found} for members, found in soup.tried]
    how = {"soup": kind, "score": soup.score, "tried": tried}
    chosen = [models[each] for each in soup.members]
    return soup, merge_models(chosen, Linear(), output, overwrite=overwrite, about=how)
