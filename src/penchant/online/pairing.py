"""From judged samples to training examples: which responses an objective sees, and in which role."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from penchant.errors import ConfigurationError, nearest
from penchant.forest.encoding import Example
from penchant.forest.layout import TokenSequence
from penchant.objectives.core.requirements import Requirements
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.preferences import win_rates
from penchant.online.pairs import PAIR_RULES, select_pairs
from penchant.online.rollouts import Rollout

__all__ = ["PAIRINGS", "Pairing", "build_examples", "check_pairing"]

Fields = dict[str, Any]
Views = dict[str, list[TokenSequence]]


@dataclass(frozen=True)
class Pairing:
    """The choice, with its settings.

    Args:
        name: one of `PAIRINGS`.
        threshold: reward from which a response counts as good (pairs; ``best``; ``above``), or None.
        length_penalty: taken from the reward for every character when pairs are picked.
        scale: what advantages are divided by: the deviation of the ``group``, the ``batch``, or ``none``.
        epsilon: added to that deviation.
        drop_uniform: leave out groups whose advantages are all zero.

    Example:
        >>> Pairing("best_worst").threshold is None
        True
    """

    name: str
    threshold: float | None = None
    length_penalty: float = 0.0
    scale: str = "group"
    epsilon: float = 1e-4
    drop_uniform: bool = False


def _pairs(rollouts: Sequence[Rollout], pairing: Pairing) -> Iterator[tuple[Rollout, Views, Fields]]:
    for rollout in rollouts:
        lengths = [len(each.text) for each in rollout.responses]
        found = select_pairs(
            pairing.name,
            rollout.scores,
            lengths=lengths,
            length_penalty=pairing.length_penalty,
            threshold=pairing.threshold,
        )
        for chosen, rejected in found:
            views = {"chosen": [_sequence(rollout, chosen)], "rejected": [_sequence(rollout, rejected)]}
            yield rollout, views, _pair_fields(rollout, chosen, rejected)


def _pair_fields(rollout: Rollout, chosen: int, rejected: int) -> Fields:
    better, worse = rollout.scores[chosen], rollout.scores[rejected]
    fields = {"margin": better - worse, "chosen_score": better, "rejected_score": worse}
    if rollout.probabilities:
        table = torch.tensor(rollout.probabilities, dtype=torch.float64)
        rates = win_rates(table)
        fields |= {
            "chosen_win_rate": float(rates[chosen]),
            "rejected_win_rate": float(rates[rejected]),
            "preference_probability": float(table[chosen, rejected]),
        }
    return fields


def _against_demonstration(rollouts: Sequence[Rollout], pairing: Pairing) -> Iterator[tuple[Rollout, Views, Fields]]:
    for rollout in rollouts:
        shown = TokenSequence(rollout.prompt_ids, rollout.demonstration)
        for place in range(len(rollout.responses)):
            yield rollout, {"chosen": [shown], "rejected": [_sequence(rollout, place)]}, {}


def _best(rollouts: Sequence[Rollout], pairing: Pairing) -> Iterator[tuple[Rollout, Views, Fields]]:
    for rollout in rollouts:
        if rollout.scored:
            place = max(rollout.scored, key=lambda each: (rollout.scores[each], -each))
            if pairing.threshold is None or rollout.scores[place] >= pairing.threshold:
                yield rollout, {"chosen": [_sequence(rollout, place)]}, {"score": rollout.scores[place]}


def _above(rollouts: Sequence[Rollout], pairing: Pairing) -> Iterator[tuple[Rollout, Views, Fields]]:
    threshold = 0.5 if pairing.threshold is None else pairing.threshold
    seen: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    for rollout in rollouts:
        for place in rollout.scored:
            key = (rollout.prompt_ids, rollout.responses[place].ids)
            if rollout.scores[place] >= threshold and key not in seen:
                seen.add(key)
                yield rollout, {"chosen": [_sequence(rollout, place)]}, {"score": rollout.scores[place]}


def _group(rollouts: Sequence[Rollout], pairing: Pairing) -> Iterator[tuple[Rollout, Views, Fields]]:
    counts = [len(each.responses) for each in rollouts]
    scores = torch.tensor([score for each in rollouts for score in each.scores], dtype=torch.float64)
    group = torch.arange(len(rollouts)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
    advantages = group_advantages(scores, group, scale=pairing.scale, epsilon=pairing.epsilon)  # type: ignore[arg-type]
    for rollout, values in zip(rollouts, advantages.split(counts), strict=True):
        if pairing.drop_uniform and bool((values == 0).all()):
            continue
        views = {"responses": [_sequence(rollout, place) for place in range(len(values))]}
        fields: Fields = {"advantage": values.tolist(), "scores": list(rollout.scores)}
        if rollout.old_logps:
            fields["old_policy"] = [list(each) for each in rollout.old_logps]
        yield rollout, views, fields


_PAIR_FIELDS = ("margin", "chosen_score", "rejected_score")
_WIN_FIELDS = ("chosen_win_rate", "rejected_win_rate", "preference_probability")

Builder = Callable[[Sequence[Rollout], Pairing], Iterator[tuple[Rollout, Views, Fields]]]

#: Every pairing: how it makes examples, and the views and fields that it can supply.
PAIRINGS: dict[str, tuple[Builder, tuple[str, ...], tuple[str, ...]]] = {
    **{name: (_pairs, ("chosen", "rejected"), _PAIR_FIELDS + _WIN_FIELDS) for name in PAIR_RULES},
    "demonstration": (_against_demonstration, ("chosen", "rejected"), ()),
    "best": (_best, ("chosen",), ("score",)),
    "above": (_above, ("chosen",), ("score",)),
    "group": (_group, ("responses",), ("advantage", "scores", "old_policy")),
}


def check_pairing(name: str, wanted: Requirements, objective: str) -> None:
    """Refuse a pairing that cannot supply what the objective asks for.

    Args:
        name: the pairing.
        wanted: what the objective asks for.
        objective: its id, for the message.

    Raises:
        ConfigurationError: an unknown pairing, or a view or field that it does not supply.
    """
    if name not in PAIRINGS:
        raise ConfigurationError(f"There is no pairing {name!r}. {nearest(name, PAIRINGS)}", where="pairing")
    _builder, views, fields = PAIRINGS[name]
    for kind, asked, supplied in (("view", wanted.views, views), ("field", wanted.fields, fields)):
        missing = [each for each in asked if each not in supplied and each not in wanted.optional]
        if missing:
            able = [other for other, given in PAIRINGS.items() if set(wanted.views) <= set(given[1])]
            raise ConfigurationError(
                f"The objective {objective} asks for the {kind} {missing[0]!r}, which the pairing {name!r} does not "
                "supply.",
                where="pairing",
                fix=f"Choose one of {', '.join(able)}." if able else "Choose another objective.",
            )


def build_examples(rollouts: Sequence[Rollout], pairing: Pairing, wanted: Requirements) -> list[Example]:
    """Training examples on exactly the tokens that were sampled.

    Args:
        rollouts: judged samples.
        pairing: how they are put together.
        wanted: the objective's views and fields; nothing else is kept.

    Returns:
        The examples, in the order of the prompts; a pair that is equal as tokens is left out.

    Example:
        >>> from penchant.feedback.records import Source
        >>> from penchant.generation.responses import Response
        >>> right, wrong = Response("2", (7,), True), Response("3", (8,), True)
        >>> rollout = Rollout(Source(), "1+1=", (5, 6), (wrong, right), (0.0, 1.0))
        >>> [pair] = build_examples([rollout], Pairing("best_worst"), Requirements(("chosen", "rejected"), ()))
        >>> pair.views["chosen"][0].response
        (7,)
    """
    examples = []
    for rollout, views, fields in PAIRINGS[pairing.name][0](rollouts, pairing):
        sequences = [sequence for view in views.values() for sequence in view]
        if "rejected" in views and sequences[0] == sequences[1]:
            continue
        if not all(len(sequence.response) for sequence in sequences):
            continue
        chosen = {name: value for name, value in fields.items() if name in wanted.fields and not _missing(value)}
        examples.append(Example(views, chosen, 1.0, rollout.source))
    return examples


def _missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _sequence(rollout: Rollout, place: int) -> TokenSequence:
    return TokenSequence(rollout.prompt_ids, rollout.responses[place].ids)
