"""The base of all judges, which score responses to a prompt or compare them, and the judge that gives no score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from penchant.feedback.records import Record, Text
from penchant.named import Named
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rewards.registry import JUDGES

__all__ = ["Judge", "NoJudge"]


class Judge(Named):
    """Scores responses; a subclass writes ``score``.

    A subclass with an ``id`` is found by that name, and its annotated fields are the keys of the recipe's ``judge``. A
    judge whose scores are not logits of preference, or that compares without scoring, writes ``compare`` as well.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "judge"
    registry = JUDGES
    #: Whether a score says right (1) or wrong (0), so that its mean is an accuracy.
    verifies: bool = False
    #: Whether it scores no response at all.
    silent: ClassVar[bool] = False

    def read(self, records: Iterable[Record]) -> None:
        """Take what scoring needs from the records whose responses are judged.

        Args:
            records: training and held-out records; called once, before any model is loaded.

        Raises:
            DataError: a record lacks something.
        """

    def to(self, device: Any) -> None:
        """Move what scoring computes with to a device."""

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """How good each response is.

        Args:
            prompt: a text or messages.
            responses: K texts.

        Returns:
            K numbers, higher is better; NaN for a response that cannot be scored.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it scores.")

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """The probability that each response is preferred to each other one.

        P_ij = σ(s_i − s_j)

        Args:
            prompt: a text or messages.
            responses: K texts.

        Returns:
            [K, K] in [0, 1].
        """
        return bradley_terry(torch.tensor(self.score(prompt, responses), dtype=torch.float64))


class NoJudge(Judge):
    """Scores no response; for pairings that need no reward, such as ``demonstration``."""

    id = "none"
    silent = True

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """NaN for every response."""
        return [math.nan] * len(responses)
