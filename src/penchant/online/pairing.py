"""`Pairing`: turns judged samples into training examples, by choosing responses and their roles."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from penchant.errors import ConfigurationError
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.named import Named, build_named
from penchant.objectives.core.requirements import Requirements
from penchant.online.rollouts import Rollout
from penchant.registry import Registry

__all__ = ["PAIRINGS", "Beats", "Chosen", "Pairing", "build_examples", "build_pairing", "check_pairing"]

#: One example of a pairing: the rollout, token sequences by view, and fields by name.
Chosen = tuple[Rollout, dict[str, list[TokenSequence]], dict[str, Any]]

#: The probability that one response beats another, by their indices.
Beats = Callable[[int, int], float]

#: All pairings by name.
PAIRINGS: Registry[type[Pairing]] = Registry("pairing", "penchant.online.pairings", group="penchant.pairings")


class Pairing(Named, ABC):
    """Chooses responses from judged samples; a subclass implements ``choose``.

    A subclass is registered under its ``id``, and its annotated fields are the keys of the recipe's ``pairing``.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.

    Example:
        >>> build_pairing("above", threshold=0.8).settings
        {'threshold': 0.8}
    """

    kind = "pairing"
    registry = PAIRINGS
    #: The views and the record fields that it supplies.
    views: ClassVar[tuple[str, ...]] = ()
    fields: ClassVar[tuple[str, ...]] = ()
    #: The fields for which the judge must compare the responses of a prompt.
    compared: ClassVar[tuple[str, ...]] = ()
    #: Whether it needs rewards, and whether it needs a demonstration for each prompt.
    judged: ClassVar[bool] = True
    demonstrated: ClassVar[bool] = False
    #: Whether the judge compares whatever the objective asks for, and whether it also scores as a round ago.
    compares: ClassVar[bool] = False
    rescored: ClassVar[bool] = False
    #: Whether it sets the responses to a prompt against one another, so that one alone gives nothing.
    needs_two: ClassVar[bool] = False
    #: Whether it pairs the nodes of trees, which not every sampler grows.
    of_trees: ClassVar[bool] = False

    def comparing(self, fields: Collection[str], gives_scores: bool) -> bool:
        """Whether the judge must compare the responses of a prompt.

        Args:
            fields: what the objective reads of a record.
            gives_scores: whether the judge can score a response by itself.
        """
        return self.compares or any(name in fields for name in self.compared)

    @property
    def of_steps(self) -> bool:
        """Whether it reads rewards of the steps or turns of a response."""
        return False

    def ask(self, count: int, beats: Beats) -> list[tuple[float, ...]] | None:
        """The comparisons that it needs, K × K with NaN for those left out; None for all of them.

        Args:
            count: K, number of responses to the prompt.
            beats: asks the judge for the probability that response i beats response j.
        """
        return None

    @property
    def reads(self) -> frozenset[str]:
        """What it reads of each sampled token beside the log-probability: ``reference_logps``, ``values``.

        Where it is not empty, the log-probabilities of the policy that sampled are kept too.
        """
        return frozenset()

    @property
    def greedy(self) -> bool:
        """Whether it reads the score of the response that greedy decoding gives (`Rollout.baseline`)."""
        return False

    def carry(self, before: Sequence[Rollout] | None) -> dict[str, float]:
        """The numbers that it carries from round to round, for the next one.

        They are kept with the samples, so that a resumed run has the same.

        Args:
            before: the samples of the round before, with their `Rollout.carried`; None in the first round.
        """
        return {}

    @abstractmethod
    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """Choose the responses of each example, in the order of the prompts.

        Args:
            rollouts: judged samples.
        """


def build_pairing(name: str, **settings: Any) -> Pairing:
    """Build a pairing.

    Args:
        name: for example ``best_worst``.
        settings: values of its keys.

    Raises:
        ConfigurationError: there is no such pairing or key, or a value has the wrong type or is out of range.

    Example:
        >>> build_pairing("best_worst", threshold=0.5).threshold
        0.5
        >>> build_pairing("best_worst", treshold=0.5)
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: pairing best_worst: There is no key 'treshold'. Did you mean 'threshold'?
    """
    return build_named(PAIRINGS, {**settings, "name": name}, "pairing")


def check_pairing(name: str, wanted: Requirements, objective: str) -> None:
    """Refuse a pairing that does not supply the views and fields of the objective.

    Args:
        name: of the pairing.
        wanted: requirements of the objective.
        objective: its id, for the message.

    Raises:
        ConfigurationError: the pairing is unknown, or does not supply a view or field.
    """
    pairing = PAIRINGS.get(name, "pairing")
    for kind, asked, supplied in (("view", wanted.views, pairing.views), ("field", wanted.fields, pairing.fields)):
        missing = [each for each in asked if each not in supplied and each not in wanted.optional]
        if missing:
            able = [each.id for each in PAIRINGS.things() if set(wanted.views) <= set(each.views)]
            raise ConfigurationError(
                f"The objective {objective} needs the {kind} {missing[0]!r}; the pairing {name!r} does not supply it.",
                where="pairing",
                fix=f"Choose one of {', '.join(able)}." if able else "Choose another objective.",
            )


def build_examples(rollouts: Sequence[Rollout], pairing: Pairing, wanted: Requirements) -> list[Example]:
    """Build training examples from exactly the tokens that were sampled.

    Args:
        rollouts: judged samples.
        pairing: chooses the responses of each example.
        wanted: the objective's views and fields; all others are dropped.

    Returns:
        The examples, in the order of the prompts, without pairs whose responses are equal as tokens and without
        empty responses.

    Example:
        >>> from penchant.feedback.records import Source
        >>> from penchant.generation.responses import Response
        >>> right, wrong = Response("2", (7,), True), Response("3", (8,), True)
        >>> rollout = Rollout(Source(), "1+1=", (5, 6), (wrong, right), (0.0, 1.0))
        >>> [pair] = build_examples([rollout], build_pairing("best_worst"), Requirements(("chosen", "rejected"), ()))
        >>> pair.views["chosen"][0].response
        (7,)
    """
    examples = []
    for rollout, views, fields in pairing.choose(rollouts):
        sequences = [sequence for view in views.values() for sequence in view]
        if "rejected" in views and sequences[0] == sequences[1]:
            continue
        if not all(len(sequence.response) for sequence in sequences):
            continue
        examples.append(Example(views, _kept(fields, wanted), 1.0, rollout.source, tree=str(rollout.source)))
    return examples


def _kept(fields: Mapping[str, Any], wanted: Requirements) -> dict[str, Any]:
    """The fields that the objective needs, without missing numbers."""
    return {
        name: value
        for name, value in fields.items()
        if name in wanted.fields and not (isinstance(value, float) and math.isnan(value))
    }
