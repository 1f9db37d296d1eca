"""Re-ranking of solutions: clusters of equal answers, and the best solution of the largest clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penchant.inference.selection import best, majority
from penchant.rewards.numbers import canonical_answer

__all__ = ["Reranked", "clusters_of", "rerank", "rerank_table"]


@dataclass(frozen=True)
class Reranked:
    """The result for one problem.

    Args:
        place: the chosen solution; None if no answer can be read.
        sizes: the solutions of each answer, largest cluster first.
        unreadable: solutions without a readable answer, which are in no cluster.
    """

    place: int | None
    sizes: Mapping[str, int]
    unreadable: int


def clusters_of(answers: Sequence[str | None], scores: Sequence[float]) -> list[list[int]]:
    """The places of solutions with equal answers, largest cluster first; equal ones by their best score.

    Args:
        answers: values in a form in which equal ones are equal texts; None where none can be read.
        scores: one per solution.

    Example:
        >>> clusters_of(["4", "5", None, "5", "6"], [0.9, 0.1, 0.5, 0.2, 0.3])
        [[1, 3], [0], [4]]
    """
    found: dict[str, list[int]] = {}
    for place, answer in enumerate(answers):
        if answer is not None:
            found.setdefault(answer, []).append(place)
    return sorted(found.values(), key=lambda places: (-len(places), -max(scores[at] for at in places)))


def rerank(solutions: Sequence[str], scores: Sequence[float], clusters: int | None = None) -> Reranked:
    """Solution-cluster re-ranking: the best-scored solution within the K largest clusters of equal final answers.

    K = 1 is majority voting, ties by score; all clusters are best-of-N by score.

    Args:
        solutions: N texts, whose final numbers are compared as numbers.
        scores: the evaluator's score of each.
        clusters: K; None for all.

    Example:
        >>> texts = ["A: 4", "A: 5", "A: 5.0", "A: 6", "no idea"]
        >>> [rerank(texts, [0.8, 0.2, 0.3, 0.6, 1.0], k).place for k in (1, 2, None)]
        [2, 0, 0]

    Reference:
        Liu, Avi Singh, Freeman, Co-Reyes, Liu (2023), Improving Large Language Model Fine-tuning for Solving Math
        Problems, arXiv:2310.10047.
    """
    answers = [canonical_answer(each) for each in solutions]
    ordered = clusters_of(answers, scores)
    members = sorted(place for each in ordered[:clusters] for place in each)
    place = members[best([scores[at] for at in members])] if members else None
    sizes = {str(answers[each[0]]): len(each) for each in ordered}
    return Reranked(place, sizes, sum(each is None for each in answers))


def rerank_table(
    problems: Sequence[tuple[Sequence[str], Sequence[float], Sequence[bool]]], clusters: Sequence[int] = (2, 4, 8)
) -> dict[str, float]:
    """Accuracies of the ways to choose one of N solutions, in [0, 1].

    ``first`` (the mean over the solutions, pass@1), ``majority``, ``weighted majority`` (sum of scores), ``rerank
    all``, ``rerank top-K`` for each K, and ``pass@N``, the share of problems with a right solution: the ceiling.

    Args:
        problems: for each its solutions, their scores (at least 0), and whether they are right.
        clusters: the numbers K.

    Example:
        >>> rerank_table([(["4", "5", "5"], [0.9, 0.2, 0.1], [True, False, False])], clusters=())
        {'first': 0.3333333333333333, 'majority': 0.0, 'weighted majority': 1.0, 'rerank all': 1.0, 'pass@N': 1.0}
    """
    found: dict[str, float] = {}

    def add(name: str, value: float) -> None:
        found[name] = found.get(name, 0.0) + value / len(problems)

    for solutions, scores, right in problems:
        add("first", sum(right) / len(right))
        answers = [canonical_answer(each) for each in solutions]
        weighted = majority(answers, scores)
        chosen: dict[str, int | None] = {"majority": rerank(solutions, scores, 1).place, "weighted majority": weighted}
        chosen |= {"rerank all": rerank(solutions, scores).place}
        chosen |= {f"rerank top-{size}": rerank(solutions, scores, size).place for size in clusters}
        for name, place in chosen.items():
            add(name, float(place is not None and right[place]))
        add("pass@N", float(any(right)))
    return found
