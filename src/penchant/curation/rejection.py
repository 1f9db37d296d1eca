"""Statistical rejection sampling: comparisons drawn, nearly, from the optimal policy instead of from the first one."""

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

__all__ = ["PAIRINGS", "RejectionSampling", "first_round", "rejection_sample", "sampled_comparisons", "tournament"]

Pair = tuple[int, int]


def rejection_sample(rewards: Sequence[float], keep: int, beta: float, generator: torch.Generator) -> list[int]:
    """Indices of responses that are draws from π(y) exp(r(y)/β), where the candidates are draws from π.

    In each round, m is the best reward left; each candidate, in order, is accepted where a uniform u is below
    exp((r − m)/β), and leaves. The published listing finds candidates by text, so that equal texts collapse.

    Args:
        rewards: K finite numbers.
        keep: how many to accept, at least 1; all where there are fewer.
        beta: the temperature, above 0; infinity accepts everything in order, near 0 the best in order of reward.
        generator: draws u.

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
    """Indices in the order in which they are accepted, until none is left; nothing is drawn ahead."""
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
        raise DataError("A reward is not a finite number.", fix="Leave that candidate out.")


def first_round(places: Sequence[int], rewards: Sequence[float], generator: torch.Generator) -> list[Pair]:
    """Shuffle, and pair neighbours: ⌊n/2⌋ pairs (better, worse); equal rewards make none.

    Example:
        >>> first_round([0, 1, 2], [0.5, 0.5, 0.5], torch.Generator())
        []
    """
    order = [places[at] for at in torch.randperm(len(places), generator=generator).tolist()]
    return _matches(order, rewards)[0]


def tournament(places: Sequence[int], rewards: Sequence[float], generator: torch.Generator) -> list[Pair]:
    """Shuffle, pair neighbours, let winners advance until one is left: every match a pair, n − 1 of them in all.

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


#: How accepted responses are put into pairs.
PAIRINGS: dict[str, Callable[[Sequence[int], Sequence[float], torch.Generator], list[Pair]]] = {
    "first-round": first_round,
    "tournament": tournament,
}


class RejectionSampling(Builder):
    """Comparisons by statistical rejection sampling, from rankings: candidates of each prompt with their rewards.

    For ``rso-sigmoid-norm`` and its relatives (Liu et al., 2024). The candidates are those that the first policy gave;
    the paper draws 64 at temperature 0.7. Two responses of equal reward make no pair.

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

    keep: Annotated[int, Ge(1), "candidates accepted for each prompt"] = 8
    beta: Annotated[float, Gt(0), "temperature of the accepted ones"] = 0.5
    pairing: Annotated[Literal["first-round", "tournament"], "how accepted candidates are paired"] = "first-round"
    seed: Annotated[int, Ge(0), "seed of everything that is drawn"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """The comparisons, with the rewards of both responses.

        Raises:
            DataError: a record is not a ranking with scores.
        """
        built, generator = Built([]), torch.Generator().manual_seed(self.seed)
        for record in records:
            if not isinstance(record, Ranking) or record.scores is None:
                raise DataError(
                    f"rso needs rankings with scores, this is a {record.kind} without.",
                    where=str(record.source),
                    fix="Give prompt, completions and scores; score them with a reward model first.",
                )
            kept = rejection_sample(record.scores, self.keep, self.beta, generator)
            pairs = PAIRINGS[self.pairing](kept, record.scores, generator)
            built.count("prompts read")
            built.count("candidates read", len(record.scores))
            built.count("candidates accepted", len(kept))
            built.count("prompts without a pair", int(not pairs))
            built.rows += [_row(record, record.scores, pair) for pair in pairs]
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
