"""What every judge is: it scores responses to a prompt, or says which of two is better."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from penchant.feedback.records import Text
from penchant.objectives.functional.preferences import bradley_terry

__all__ = ["Judge"]


class Judge:
    """Scores responses; a subclass writes ``score``.

    A judge whose scores are not logits of preference, or that compares without scoring, writes ``compare`` as well.
    """

    #: Whether a score says right (1) or wrong (0), so that its mean is an accuracy.
    verifies: bool = False

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
