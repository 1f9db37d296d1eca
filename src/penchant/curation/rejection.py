"""The builder ``rso``: comparisons by statistical rejection sampling, approximately from the optimal policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt

from penchant.curation.builder import Builder
from penchant.curation.rows import Built
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Ranking, Record
from penchant.feedback.tools import template_columns

__all__ = ["PAIRINGS", "RejectionSampling", "first_round", "rejection_sample", "sampled_comparisons", "tournament"]

Pair = tuple[int, int]


def rejection_sample(rewards: Sequence[float], keep: int, beta: float, generator: torch.Generator) -> list[int]:
    """Indices of candidates from π that are accepted as samples from π(y) exp(r(y)/β).

    In each round, m is the best remaining reward; each candidate, in order, is accepted if a uniform u is below
    exp((r − m)/β), and removed. The published listing identifies candidates by text, so equal texts collapse there.

    Args:
        rewards: K finite numbers.
        keep: number to accept, at least 1; all if there are fewer.
        beta: the temperature, above 0; infinity accepts candidates in order, values near 0 in order of reward.
        generator: random source of u.

    Returns:
        At most ``keep`` different indices, in the order in which they were accepted.

    Raises:
        ConfigurationError: ``keep`` or ``beta`` is out of range.
        DataError: a reward is not finite.

    Example:
        >>> rejection_sample([0.1, 0.9, 0.5], keep=2, beta=1e-6, generator=torch.Generator())
        [1, 2]

    Reference:
        Liu et al. (2024), Statistical Rejection Sampling Improves Preference Optimization, arXiv:2309.06657, alg. 1.
    """
    _require_samplable(rewards, keep, beta)
    return list(islice(_accepted(rewards, beta, generator), keep))


def _accepted(rewards: Sequence[float], beta: float, generator: torch.Generator) -> Iterator[int]:
    """Indices in the order of acceptance until none is left; random numbers are drawn lazily."""
    left = list(range(len(rewards)))
    while left:
        best = max(rewards[place] for place in left)
        for place in tuple(left):
            drawn = torch.rand((), generator=generator, dtype=torch.float64).item()
            if drawn < math.exp((rewards[place] - best) / beta):
                left.remove(place)
                yield place


def _require_samplable(rewards: Sequence[float], keep: int, beta: float) -> None:
    if keep < 1:
        raise ConfigurationError(f"keep is {keep}; expected at least 1.")
    if not beta > 0:
        raise ConfigurationError(f"beta is {beta}; expected a number above 0.")
    if not all(math.isfinite(reward) for reward in rewards):
        raise DataError("A reward is not a finite number.", fix="Remove that candidate.")


def first_round(places: Sequence[int], rewards: Sequence[float], generator: torch.Generator) -> list[Pair]:
    """Shuffle, and pair neighbours: ⌊n/2⌋ pairs (better, worse); equal rewards give no pair.

    Example:
        >>> first_round([0, 1, 2], [0.5, 0.5, 0.5], torch.Generator())
        []
    """
    order = [places[at] for at in torch.randperm(len(places), generator=generator).tolist()]
    return _matches(order, rewards)[0]


def tournament(places: Sequence[int], rewards: Sequence[float], generator: torch.Generator) -> list[Pair]:
    """Shuffle, pair neighbours, and let winners advance until one is left: n − 1 matches, each a pair.

    Example:
        >>> len(tournament(range(5), [0.1, 0.2, 0.3, 0.4, 0.5], torch.Generator()))
        4
    """
    order = [places[at] for at in torch.randperm(len(places), generator=generator).tolist()]
    pairs: list[Pair] = []
    while len(order) > 1:
        found, order = _matches(order, rewards)
        pairs += found
    return pairs


def _matches(order: Sequence[int], rewards: Sequence[float]) -> tuple[list[Pair], list[int]]:
    """Pairs of neighbours, and who advances: the winners, and the one without a neighbour."""
    pairs, winners = [], []
    for at in range(0, len(order) - 1, 2):
        one, other = order[at], order[at + 1]
        better, worse = (one, other) if rewards[one] >= rewards[other] else (other, one)
        winners.append(better)
        if rewards[better] > rewards[worse]:
            pairs.append((better, worse))
    return pairs, winners + ([order[-1]] if len(order) % 2 else [])


#: How accepted responses are paired, by name.
PAIRINGS: dict[str, Callable[[Sequence[int], Sequence[float], torch.Generator], list[Pair]]] = {
    "first-round": first_round,
    "tournament": tournament,
}


class RejectionSampling(Builder):
    """Comparisons by statistical rejection sampling from rankings (candidates of each prompt with their rewards).

    For ``rso-sigmoid-norm`` and its relatives (Liu et al., 2024). The candidates are samples of the initial policy;
    the paper draws 64 at temperature 0.7. Two responses of equal reward give no pair.

    Example:
        >>> ranking = Ranking(prompt="Hi", completions=("Hello!", "What?"), scores=(1.0, 0.0))
        >>> RejectionSampling(keep=2).build([ranking]).rows
        [{'prompt': 'Hi', 'chosen': 'Hello!', 'rejected': 'What?', 'chosen_score': 1.0, 'rejected_score': 0.0}]

    Reference:
        Liu et al. (2024), Statistical Rejection Sampling Improves Preference Optimization, arXiv:2309.06657.
    """

    id = "rso"
    reads = "rankings with scores"
    writes = ("chosen_score", "rejected_score")

    keep: Annotated[int, Ge(1), "number of candidates accepted per prompt"] = 8
    beta: Annotated[float, Gt(0), "temperature of rejection sampling"] = 0.5
    pairing: Annotated[Literal["first-round", "tournament"], "how accepted candidates are paired"] = "first-round"
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the comparisons, with the rewards of both responses.

        Raises:
            DataError: a record is not a ranking with scores.
        """
        built, generator = Built([]), torch.Generator().manual_seed(self.seed)
        for record in records:
            if not isinstance(record, Ranking) or record.scores is None:
                raise DataError(
                    f"rso needs rankings with scores, but this is a {record.kind} without scores.",
                    where=str(record.source),
                    fix="Give prompt, completions and scores, for example from a reward model.",
                )
            kept = rejection_sample(record.scores, self.keep, self.beta, generator)
            pairs = PAIRINGS[self.pairing](kept, record.scores, generator)
            built.count("prompts read")
            built.count("candidates read", len(record.scores))
            built.count("candidates accepted", len(kept))
            built.count("prompts without a pair", int(not pairs))
            built.rows.extend(_row(record, record.scores, pair) for pair in pairs)
        built.count("comparisons", len(built.rows))
        return built


def _row(record: Ranking, scores: Sequence[float], pair: Pair) -> dict[str, Any]:
    """The comparison of two candidates of a prompt."""
    better, worse = pair
    texts = {"chosen": record.completions[better], "rejected": record.completions[worse]}
    extras = {name: value for name, value in record.fields.items() if name != "completion_fields"}
    return {
        "prompt": record.prompt,
        **texts,
        **extras,
        **template_columns(record),
        "chosen_score": scores[better],
        "rejected_score": scores[worse],
    }


def sampled_comparisons(records: Iterable[Record], **settings: Any) -> Built:
    """`RejectionSampling` in one call.

    Args:
        records: rankings with scores.
        settings: those of `RejectionSampling`.

    Example:
        >>> sampled_comparisons([Ranking(prompt="Hi", completions=("A", "B"), scores=(1.0, 1.0))]).rows
        []
    """
    return RejectionSampling(**settings).build(records)
