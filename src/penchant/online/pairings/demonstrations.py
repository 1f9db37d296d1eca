"""Pairs of the record's own response and a sample."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from penchant.forest.layout import TokenSequence
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["AgainstDemonstration", "Improved"]


class _BesideRecord(Pairing):
    """Base class: every sample with the record's own response; no reward is needed."""

    views = ("chosen", "rejected")
    judged = False
    demonstrated = True

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One pair for each sample."""
        for rollout in rollouts:
            for place in range(len(rollout.responses)):
                chosen, rejected = self._ordered(rollout.shown, rollout.sequence(place))
                yield rollout, {"chosen": [chosen], "rejected": [rejected]}, {}

    @staticmethod
    @abstractmethod
    def _ordered(shown: TokenSequence, sampled: TokenSequence) -> tuple[TokenSequence, TokenSequence]:
        """The chosen and the rejected of the record's response and a sample."""


class AgainstDemonstration(_BesideRecord):
    """The demonstration of a prompt as chosen, each of its samples as rejected; no reward is needed."""

    id = "demonstration"

    @staticmethod
    def _ordered(shown: TokenSequence, sampled: TokenSequence) -> tuple[TokenSequence, TokenSequence]:
        return shown, sampled


class Improved(_BesideRecord):
    """Each sample as chosen, the record's own reply, which drew a complaint, as rejected; no reward is needed.

    Reference:
        Wang et al. (2025), DRIFT: Learning from Abundant User Dissatisfaction in Real-World Preference Learning.
    """

    id = "improved"

    @staticmethod
    def _ordered(shown: TokenSequence, sampled: TokenSequence) -> tuple[TokenSequence, TokenSequence]:
        return sampled, shown
