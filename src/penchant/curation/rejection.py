"""Statistical rejection sampling: comparisons drawn, nearly, from the optimal policy instead of from the first one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import torch

from penchant.curation.rows import Built
from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.records import Ranking, Record

__all__ = ["PAIRINGS", "first_round", "rejection_sample", "sampled_comparisons", "tournament"]

Pair = tuple[int, int]


def rejection_sample(rewards: Sequence[float], keep: int, beta: float, generator: torch.Generator) -> list[int]:
    """Indices of responses that stand for draws from π(y) exp(r(y)/β), where the candidates are draws from π.

    Round after round: m is the best reward that is left; each candidate, in order, is accepted where a uniform u is
    below exp((r − m)/β). Accepted ones leave. The best one left is always accepted, so that at most ``keep`` rounds
    are needed. The published listing knows candidates by their text, so that equal texts collapse; here by index.

    Args:
        rewards: K finite numbers.
        keep: how many to accept, at least 1; all where there are fewer.
        beta: the temperature, above 0; infinity accepts everything in order, near 0 the best in order of reward.
        generator: draws u.

    Returns:
        At most ``keep`` different indices, in the order in which they were accepted.

    Raises:
        ConfigurationError: ``keep`` or ``beta`` is out of range.
        DataError: a reward is no finite number.

    Example:
        >>> rejection_sample([0.1, 0.9, 0.5], keep=2, beta=1e-6, generator=torch.Generator())
        [1, 2]

    Reference:
        Liu et al. (2024), Statistical Rejection Sampling Improves Preference Optimization, arXiv:2309.06657, alg. 1.
    """
    if keep < 1:
        raise ConfigurationError(f"keep is {keep}; expected at least 1.")
    if not beta > 0:
        raise ConfigurationError(f"beta is {beta}; expected a number above 0.")
    if not all(math.isfinite(reward) for reward in rewards):
        raise DataError("A reward is no finite number.", fix="Leave that candidate out.")
    left, accepted = list(range(len(rewards))), []
    while left:
        best = max(rewards[place] for place in left)
        for place in tuple(left):
            drawn = torch.rand((), generator=generator, dtype=torch.float64).item()
            if drawn < math.exp((rewards[place] - best) / beta):
                accepted.append(place)
                left.remove(place)
                if len(accepted) == keep:
                    return accepted
    return accepted


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


def sampled_comparisons(
    records: Iterable[Record], *, keep: int = 8, beta: float = 0.5, pairing: str = "first-round", seed: int = 0
) -> Built:
    """Comparisons by statistical rejection sampling (Liu et al., 2024), for ``rso-sigmoid-norm`` and its relatives.

    Args:
        records: rankings with scores: the candidates that the first policy gave to each prompt, and their rewards. The
            paper draws 64 at temperature 0.7.
        keep: candidates accepted for each prompt.
        beta: temperature of the accepted ones.
        pairing: ``first-round`` (the paper's) or ``tournament``.
        seed: of everything that is drawn.

    Returns:
        Rows with ``chosen_score`` and ``rejected_score``. Two responses of one reward make no pair.

    Raises:
        DataError: a record is not a ranking with scores.
        ConfigurationError: an option is out of range.

    Example:
        >>> ranking = Ranking(prompt="Hi", completions=("Hello!", "What?"), scores=(1.0, 0.0))
        >>> sampled_comparisons([ranking], keep=2).rows
        [{'prompt': 'Hi', 'chosen': 'Hello!', 'rejected': 'What?', 'chosen_score': 1.0, 'rejected_score': 0.0}]

    Reference:
        Liu et al. (2024), Statistical Rejection Sampling Improves Preference Optimization, arXiv:2309.06657.
    """
    if pairing not in PAIRINGS:
        raise ConfigurationError(f"There is no pairing {pairing!r}.", fix=nearest(pairing, PAIRINGS))
    built, generator = Built([]), torch.Generator().manual_seed(seed)
    for record in records:
        if not isinstance(record, Ranking) or record.scores is None:
            raise DataError(
                f"rso needs rankings with scores, this is a {record.kind} without.",
                where=str(record.source),
                fix="Give prompt, completions and scores; score them with a reward model first.",
            )
        kept = rejection_sample(record.scores, keep, beta, generator)
        pairs = PAIRINGS[pairing](kept, record.scores, generator)
        built.count("prompts read")
        built.count("candidates read", len(record.scores))
        built.count("candidates accepted", len(kept))
        built.count("prompts without a pair", int(not pairs))
        extras = {name: value for name, value in record.fields.items() if name != "completion_fields"}
        for better, worse in pairs:
            texts = {"chosen": record.completions[better], "rejected": record.completions[worse]}
            scores = {"chosen_score": record.scores[better], "rejected_score": record.scores[worse]}
            built.rows.append({"prompt": record.prompt, **texts, **extras, **scores})
    built.count("comparisons", len(built.rows))
    return built
