"""`Trace`: the log-probabilities under which some responses were drawn, recorded while they are generated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor

__all__ = ["Trace"]


class Trace(LogitsProcessor):
    """Records the log-probability of every token of the first rows of a batch; it changes nothing.

    It sees the logits before the temperature is applied, and so applies it itself.

    Args:
        rows: how many of the batch's rows are recorded.
        temperature: of the sampling, above 0.

    Attributes:
        logps: by prompt and sample, the log-probabilities of the tokens of a response, nats.

    Example:
        >>> trace = Trace(1, temperature=1.0)
        >>> _ = trace(torch.tensor([[5]]), torch.zeros(1, 4))
        >>> trace.keep([7], 1, [[3]], {7: [[3]]})
        >>> [round(each, 4) for each in trace.logps[7, 0]]
        [-1.3863]
    """

    def __init__(self, rows: int, temperature: float) -> None:
        self.rows, self.temperature = rows, temperature
        self.logps: dict[tuple[int, int], tuple[float, ...]] = {}
        self._steps: list[Tensor] = []
        self._tokens = 0

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Keep the distribution of the next token, reduced to the last one's probability once that is known."""
        self._reduce(input_ids[: self.rows, -1])
        self._steps.append(torch.log_softmax(scores[: self.rows].float() / self.temperature, dim=-1))
        return scores

    def _reduce(self, chosen: Tensor) -> None:
        """Replace the newest distributions [r, V] by the log-probabilities [r, 1] of the chosen tokens [r]."""
        if self._steps:
            self._steps[-1] = self._steps[-1].gather(-1, chosen[:, None])

    def keep(self, places: Sequence[int], samples: int, tokens: Sequence[Sequence[int]], kept: Any) -> None:
        """Assign what was recorded to prompts and samples.

        Args:
            places: the prompts of the batch.
            samples: rows per prompt.
            tokens: every row's tokens as generated, padding included.
            kept: for each prompt its responses up to their end.
        """
        rows = range(min(self.rows, len(tokens)))
        if not self._steps:
            return
        last = [tokens[row][len(self._steps) - 1] if len(tokens[row]) >= len(self._steps) else 0 for row in rows]
        self._reduce(torch.tensor(last, device=self._steps[-1].device))
        recorded = torch.cat(self._steps, 1).tolist()
        for row in rows:
            place, sample = places[row // samples], row % samples
            self.logps[place, sample] = tuple(recorded[row][: len(kept[place][sample])])
        self._steps = []
